"""The messages of the worker protocol: plain data that crosses the process border.

`wire` frames them; `engine.Engine` is the seam that works on them inside a worker. A field that an
engine cannot honour is refused with `Failure`, never ignored. Later message kinds (embeddings,
adapters, audio, images) join here.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

FinishReason = Literal["stop", "length", "tool_calls", "cancelled"]
ContextOverflow = Literal["truncate", "error"]

INITIAL_CREDIT = 64
"Deltas a worker may send for a request before the gateway must grant more."


class ToolCall(Struct, frozen=True, omit_defaults=True):
    """A call that the model made in an earlier turn."""

    id: str
    name: str
    arguments: str
    "JSON text, as the model wrote it."


class Message(Struct, frozen=True, omit_defaults=True):
    """One turn of a chat, as the chat template sees it."""

    role: str
    content: str
    name: str | None = None
    reasoning: str = ""
    tool_calls: list[ToolCall] = []
    tool_call_id: str | None = None
    "Of a tool's result: the call it answers."


class Tool(Struct, frozen=True, omit_defaults=True):
    """A function that the model may call."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}  # Any: a JSON Schema; empty: no arguments
    strict: bool = False


class ToolUse(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Which functions the model may call, and whether it must."""

    tools: list[Tool]
    choice: Literal["auto", "none", "required"] = "auto"
    name: str | None = None
    "With `required`: the one function that must be called."
    parallel: bool = True
    "Several calls in one turn are allowed."


class Constraint(Struct, frozen=True, omit_defaults=True):
    """What the text of an answer must match; every finished answer does."""

    kind: Literal["json_object", "json_schema", "grammar", "regex"]
    text: str = ""
    "The schema as JSON, the GBNF grammar with the start symbol `root`, or the regex."
    param: str = "response_format"
    "The request's field, for errors; the place inside a schema is added to it."


class Reasoning(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Whether and how much the model thinks before it answers; `None` leaves it to the model."""

    enabled: bool | None = None
    effort: Literal["low", "medium", "high", "max"] | None = None
    budget_tokens: int | None = None
    "The most tokens of thinking; then the thinking is closed for the model and it answers."
    history: Literal["disabled", "interleaved", "preserved"] | None = None
    "Which earlier thinking the template is shown: none, that since the last user turn, or all."
    may_emulate: bool = False
    "A model without a template for it thinks in a phase of its own; `PromptInfo` tells."


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
    tool_use: ToolUse | None = None
    "Chat only."
    constraint: Constraint | None = None
    reasoning: Reasoning | None = None
    "Chat only."
    logprobs: int | None = None
    "Log-probabilities of the tokens drawn, and of so many likeliest ones at each place."
    echo_tokens: int | None = None
    "Answer with the last so many tokens of the prompt before the completion; -1: all of it."
    return_token_ids: bool = False
    return_prompt: bool = False
    "Tell the rendered prompt and its token ids in `PromptInfo`."
    safe_tokenization: bool = False
    "Chat only: text in messages that looks like a special token is plain text."
    prediction: str | None = None
    "Text the answer will probably repeat; a hint for speculation."
    cache_group: str = ""
    "Prompts share cached prefixes only within their group."
    use_cache: bool = True
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
    constraints: frozenset[str] = frozenset()
    "Kinds of `Constraint` that are guaranteed."
    tools: bool = False
    reasoning: bool = False
    "The model's template has a switch for it."
    logprobs: int | None = None
    "The most alternatives at each place; None: no log-probabilities at all."
    echo: bool = False
    token_ids: bool = False
    prediction: bool = False


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
    reasoning: Literal["", "emulated"] = ""
    "`emulated`: the model has no template for reasoning; a think phase stands in."
    text: str | None = None
    "The rendered prompt, where `return_prompt` asked for it."
    token_ids: list[int] | None = None
    "Where `return_prompt` or `return_token_ids` asked for them."


class Usage(Struct, frozen=True, array_like=True):
    """What a finished request used, counted by the engine; the times are seconds."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    queue_s: float
    prefill_s: float
    decode_s: float
    reasoning_tokens: int = 0
    "Part of `completion_tokens`."


class ToolCallDelta(Struct, frozen=True, array_like=True):
    """A piece of a call; `id` and `name` come whole with the call's first piece, then are empty."""

    index: int
    "Of the call within its choice, from 0."
    id: str
    name: str
    arguments: str
    "JSON text to append."


class TopLogprob(Struct, frozen=True, array_like=True):
    """A token that could have stood at a place; natural logarithm."""

    token_id: int
    data: bytes
    "The token's bytes; a token may hold only a part of a character."
    logprob: float


class TokenLogprob(Struct, frozen=True, array_like=True):
    """A token of the prompt or the answer, with its likeliest alternatives."""

    token_id: int
    data: bytes
    logprob: float | None
    "None for the first token of an echoed prompt."
    top: list[TopLogprob]


class More(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What few requests ask for, beside the text of a delta."""

    reasoning: str = ""
    "Thinking, which is not part of the text."
    tool_calls: list[ToolCallDelta] = []
    logprobs: list[TokenLogprob] = []
    token_ids: list[int] = []


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
    more: More | None = None


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
