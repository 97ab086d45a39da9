"""What a gateway asks of a worker."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

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
    stop_token_ids: list[int] = []
    "The text ends before the first of these tokens, also under `ignore_eos`."
    ignore_eos: bool = False
    max_prompt_tokens: int | None = None
    """A longer prompt fails with `prompt_limit` before it is computed; the failure counts it.

    The gateway holds money for so many, and only the worker can count them.
    """
    prompt_truncate_tokens: int | None = None
    """Chat only: drop the oldest messages that are not `system` until the prompt is this short.

    The whole window, or more, asks for what leaves room for the answer.
    """
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
    adapter: str = ""
    "The full name of the adapter that answers; empty: the model alone."
    cache_group: str = ""
    "Prompts share cached prefixes only within their group."
    use_cache: bool = True
    priority: int = 0
    "Who waits is admitted by this first, the highest before others; a hint."
    credit: int = INITIAL_CREDIT
