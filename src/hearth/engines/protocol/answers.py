"""What a worker answers."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from hearth.engines.protocol.embeddings import Vectors

FinishReason = Literal["stop", "length", "tool_calls", "cancelled"]


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
    echoed_characters: int = 0
    "So much of each choice's text is the prompt told again."
    echoed_logprobs: int = 0
    "So many of each choice's log-probabilities are the prompt's."


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
    adapter_digest: str = ""
    "Of the adapter that answered, where one did."


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
    stop: str = ""
    "With a finish: the stop string that ended the text."
    vectors: Vectors | None = None
    "With the last delta of an `EmbedRequest`."


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
    "On the first delta of a request; on each of an `EmbedRequest`, the count so far."
    usage: Usage | None = None
    "On the last delta of a request: every choice has finished, or it was cancelled."
    more: More | None = None


class Failure(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The request is over without an answer; the worker lives on."""

    kind: Literal["invalid", "failed", "unavailable", "prompt_limit", "draining"]
    "`draining`: the worker takes nothing new; another replica may."
    message: str
    param: str | None = None
    retry_after_s: float | None = None
    "When trying again may help; set where the reason is known to pass."
    prompt_tokens: int = 0
    "With `prompt_limit`: how many the prompt has."
