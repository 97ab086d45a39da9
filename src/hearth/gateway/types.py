"""The bodies of the text generating routes, as clients send them.

Names, bounds and defaults are those of the Fireworks API (chat completions and completions
reference); `decode` deals with unknown fields before they come here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from hearth.gateway.tool_types import (
    CalledFunction,
    CallMade,
    FunctionSpec,
    NamedFunction,
    ToolChoice,
    ToolSpec,
)

Temperature = Annotated[float, Meta(ge=0, le=2)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Positive = Annotated[float, Meta(ge=0)]
Natural = Annotated[int, Meta(ge=0, le=2**31 - 1)]
StopText = Annotated[str, Meta(min_length=1, max_length=1024)]
Bias = Annotated[float, Meta(ge=-100, le=100)]
Alternatives = Annotated[int, Meta(ge=0, le=5)]
Key = Annotated[str, Meta(max_length=1024)]

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
MAX_TOOLS = 512
MAX_STOP_TOKENS = 256


class ContentPart(Struct, frozen=True):
    """A part of a message's content; only text has an engine so far."""

    type: Literal["text", "image_url", "video_url", "audio_url", "input_audio"]
    text: str | None = None


class ChatMessage(Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    content: str | list[ContentPart] | None = None
    name: str | None = None
    tool_calls: list[CallMade] | None = None
    tool_call_id: str | None = None
    function_call: CalledFunction | None = None
    "What `tool_calls` was before there could be several."
    reasoning_content: str | None = None


class StreamOptions(Struct, frozen=True):
    """What a stream carries besides text."""

    include_usage: bool | None = None


class ResponseFormat(Struct, frozen=True):
    """The form an answer must have."""

    type: Literal["text", "json_object", "json_schema", "grammar", "regex"]
    schema: dict[str, Any] | str | None = None  # Any: a JSON Schema
    "With `json_object`; text is JSON."
    json_schema: dict[str, Any] | str | None = None  # Any: a JSON Schema, or one with its name
    grammar: str | None = None
    "GBNF with the start symbol `root`."
    regex: str | None = None
    "Of this project; the API it follows has none."


class Thinking(Struct, frozen=True):
    """The switch for reasoning in Anthropic's words."""

    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: Annotated[int, Meta(ge=1024, le=2**31 - 1)] | None = None


class Prediction(Struct, frozen=True):
    """Text that the answer will probably repeat."""

    type: Literal["content"]
    content: str | list[ContentPart]


class InferenceRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What chat completions and completions have in common."""

    model: Annotated[str, Meta(min_length=1, max_length=512)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Natural | None = None
    max_completion_tokens: Natural | None = None
    temperature: Temperature | None = None
    top_p: Fraction | None = None
    top_k: Annotated[int, Meta(ge=0, le=100)] | None = None
    min_p: Fraction | None = None
    typical_p: Fraction | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repetition_penalty: Annotated[float, Meta(gt=0, le=2)] | None = None
    mirostat_target: Positive | None = None
    mirostat_lr: Positive | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    stop: StopText | Annotated[list[StopText], Meta(max_length=4)] | None = None
    stop_token_ids: Annotated[list[Natural], Meta(max_length=MAX_STOP_TOKENS)] | None = None
    "Of vLLM's API: the text ends before the first of these tokens."
    ignore_eos: bool | None = None
    logit_bias: dict[str, Bias] | None = None
    logprobs: bool | Alternatives | None = None
    "True: OpenAI's chat shape; a number of alternatives: the parallel lists of completions."
    top_logprobs: Alternatives | None = None
    echo: bool | None = None
    echo_last: Natural | None = None
    response_format: ResponseFormat | None = None
    context_length_exceeded_behavior: Literal["truncate", "error"] | None = None
    prediction: str | Prediction | None = None
    speculation: str | list[Natural] | None = None
    rewrite_speculation: bool | None = None
    raw_output: bool | None = None
    return_token_ids: bool | None = None
    perf_metrics_in_response: bool | None = None
    prompt_cache_key: Key | None = None
    prompt_cache_isolation_key: Key | None = None
    prompt_cache_max_len: Natural | None = None
    response_cache: bool | Annotated[int, Meta(ge=1, le=86_400)] | None = None
    "Ours: repeat the answer to an equal request; a number is for how many seconds."
    service_tier: Literal["auto", "default", "flex", "priority"] | None = None
    user: str | None = None
    metadata: Annotated[dict[str, str], Meta(max_length=64)] | None = None


class ChatRequest(InferenceRequest, frozen=True, kw_only=True):
    """The body of POST /chat/completions."""

    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=16_384)]
    prompt_truncate_len: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    safe_tokenization: bool | None = None
    tools: Annotated[list[ToolSpec], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[FunctionSpec], Meta(max_length=MAX_TOOLS)] | None = None
    function_call: str | NamedFunction | None = None
    reasoning_effort: bool | Annotated[int, Meta(ge=1, le=2**31 - 1)] | str | None = None
    "A number is the most tokens of thinking."
    thinking: Thinking | None = None
    reasoning_history: Literal["disabled", "interleaved", "preserved"] | None = None
    reasoning_format: Literal["reasoning_content", "inline"] | None = None
    "`inline` keeps the thinking in the text, between <think> and </think>."


class CompletionRequest(InferenceRequest, frozen=True, kw_only=True):
    """The body of POST /completions; a list of prompts is texts, or token ids, or lists of them."""

    prompt: str | Annotated[list[str | Natural | list[Natural]], Meta(min_length=1)]
