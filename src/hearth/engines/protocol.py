"""The messages of the worker protocol: plain data that crosses the process border.

`wire` frames them; `engine.Engine` is the seam that works on them inside a worker. A field that an
engine cannot honour is refused with `Failure`, never ignored. Later message kinds (embeddings,
adapters, audio, images) join here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

FinishReason = Literal["stop", "length", "cancelled"]
ContextOverflow = Literal["truncate", "error"]

INITIAL_CREDIT = 64
"Deltas a worker may send for a request before the gateway must grant more."


class Message(Struct, frozen=True, omit_defaults=True):
    """One turn of a chat, as the chat template sees it."""

    role: str
    content: str
    name: str | None = None


class Sampling(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How tokens are drawn; `None` leaves the choice to the model's own defaults.

    The meaning and bounds of each field are those of the Fireworks chat completions API.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    typical_p: float | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    mirostat_target: float | None = None
    mirostat_lr: float | None = None
    logit_bias: dict[int, float] | None = None


class GenerateRequest(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Generate `n` choices for a chat (`messages`), a text or token ids (`prompt`)."""

    messages: list[Message] | None = None
    prompt: str | list[int] | None = None
    sampling: Sampling = Sampling()
    seed: int
    "Always drawn by the gateway, so that a retry elsewhere draws the same; choice i uses seed + i."
    n: int = 1
    max_tokens: int | None = None
    "None: up to the end of the context window."
    stop: list[str] = []
    "The text ends before the first of these; they are not part of it."
    ignore_eos: bool = False
    prompt_truncate_tokens: int | None = None
    "Chat only: drop the oldest messages that are not `system` until the prompt is this short."
    context_overflow: ContextOverflow = "truncate"
    "`truncate` lowers max_tokens to fit the window, `error` refuses instead."
    credit: int = INITIAL_CREDIT


class Capabilities(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an engine can do; whatever is missing is emulated by us or refused with a reason."""

    sampling: frozenset[str] = frozenset()
    "Names of `Sampling` fields the engine honours."
    chat: bool = False
    "Has a chat template, so takes `messages`."
    token_prompts: bool = False
    ignore_eos: bool = False
    seed: bool = False
    cached_tokens: bool = False
    "Reports how much of a prompt came from its cache."


class Hello(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The worker's first frame: who it is and what it can do."""

    replica_id: str
    engine: str
    engine_version: str
    model: str
    "The full name of the model whose weights are loaded."
    fingerprint: str
    "Changes whenever weights, engine or settings that change the numbers do."
    context_tokens: int
    "The window of one sequence, prompt and completion together."
    max_batch: int
    capabilities: Capabilities


class PromptInfo(Struct, frozen=True, array_like=True):
    """What is known once a prompt is tokenised and admitted by the engine."""

    prompt_tokens: int
    cached_tokens: int


class Usage(Struct, frozen=True, array_like=True):
    """What a finished request used, counted by the engine; the times are seconds."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    queue_s: float
    prefill_s: float
    decode_s: float


class Delta(Struct, array_like=True, omit_defaults=True):
    """What one step added to one choice of one request.

    Not frozen: the worker swaps its own request id for the connection's before sending.
    """

    request: int
    choice: int
    text: str
    num_tokens: int
    "Tokens produced in this step, those whose text is still held back included."
    finish_reason: FinishReason | None = None
    prompt: PromptInfo | None = None
    "On the first delta of a request."
    usage: Usage | None = None
    "On the last delta of a request: every choice has finished, or it was cancelled."


class Failure(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The request is over without an answer; the worker lives on."""

    kind: Literal["invalid", "failed", "unavailable"]
    message: str
    param: str | None = None
    retry_after_s: float | None = None
    "When trying again may help; set where the reason is known to pass."


class Stats(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A worker's answer to a ping."""

    running: int = 0
    waiting: int = 0
    kv_used_tokens: int = 0
    kv_total_tokens: int = 0
    resident_bytes: int = 0


class WorkerSpec(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a worker is told at its start, as one JSON line on its standard input.

    The worker ends when that input closes: it never outlives the process that started it.
    """

    replica_id: str
    address: str
    "`unix:///path` or `tcp://host:port` to listen on; port 0 takes a free one."
    engine: Literal["llamacpp", "remote", "fake"]
    model: str
    path: str | None = None
    "The weights: a GGUF file. None for engines that hold none."
    threads: int = 1
    slots: int = 1
    context_tokens: int = 2048
    options: dict[str, str | int | float | bool] = {}
    "Engine's own; an unknown name is an error at start."


class Ready(Struct, omit_defaults=True):
    """The one line a worker writes to standard output: where it listens, or why it cannot."""

    address: str = ""
    error: str = ""
