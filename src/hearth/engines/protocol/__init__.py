"""The messages of the worker protocol: plain data that crosses the process border.

`wire` frames them; `engine.Engine` is the seam that works on them inside a worker. A field that an
engine cannot honour is refused with `Failure`, never ignored. Later message kinds (audio,
images) join here.
"""

from hearth.engines.protocol.answers import (
    Delta,
    Failure,
    FinishReason,
    More,
    PromptInfo,
    TokenLogprob,
    ToolCallDelta,
    TopLogprob,
    Usage,
)
from hearth.engines.protocol.embeddings import EmbedRequest, Vectors
from hearth.engines.protocol.replicas import (
    Adapter,
    AdapterSupport,
    Capabilities,
    Hello,
    LoadedAdapter,
    Ready,
    Stats,
    Tally,
    WorkerSpec,
    changed_adapters,
)
from hearth.engines.protocol.requests import (
    INITIAL_CREDIT,
    Constraint,
    ContextOverflow,
    GenerateRequest,
    Message,
    Reasoning,
    Sampling,
    Tool,
    ToolCall,
    ToolUse,
)

__all__ = [
    "INITIAL_CREDIT",
    "Adapter",
    "AdapterSupport",
    "Capabilities",
    "Constraint",
    "ContextOverflow",
    "Delta",
    "EmbedRequest",
    "Failure",
    "FinishReason",
    "GenerateRequest",
    "Hello",
    "LoadedAdapter",
    "Message",
    "More",
    "PromptInfo",
    "Ready",
    "Reasoning",
    "Sampling",
    "Stats",
    "Tally",
    "TokenLogprob",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolUse",
    "TopLogprob",
    "Usage",
    "Vectors",
    "WorkerSpec",
    "changed_adapters",
]
