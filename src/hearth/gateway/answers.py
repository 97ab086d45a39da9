"""What every route's answers are made of: the pieces of choices, the end, and the form they take.

Usage rides on the chunk that finishes the last choice, as Fireworks sends it; there is never a
separate usage chunk.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from msgspec import Struct

from hearth.engines.protocol import Delta, More, PromptInfo, TokenLogprob, Usage
from hearth.errors import ApiError


class AnswerHead(Struct, frozen=True, kw_only=True):
    """What every chunk and body of one answer repeats."""

    request_id: str
    created: int
    model: str
    fingerprint: str | None
    "Given where a stand-in serves, so that no body hides it."

    def opening(self, kind: str) -> dict[str, Any]:  # Any: a JSON object
        """The fields that open a body or chunk."""
        fields: dict[str, Any] = {
            "id": self.request_id, "object": kind, "created": self.created, "model": self.model,
        }  # fmt: skip
        if self.fingerprint is not None:
            fields["system_fingerprint"] = self.fingerprint
        return fields


class Shown(Struct, frozen=True, kw_only=True):
    """What an answer shows besides text, as its request asked."""

    logprobs: Literal["", "content", "lists"] = ""
    "OpenAI's chat shape, or the parallel lists of completions."
    token_ids: bool = False
    raw_output: bool = False
    inline_reasoning: bool = False
    legacy_calls: bool = False
    "Calls as `function_call`."
    choices_per_prompt: int = 1


class CallText:
    """A call while it is put together."""

    __slots__ = ("id", "name", "pieces")

    def __init__(self, call_id: str, name: str) -> None:
        self.id = call_id
        self.name = name
        self.pieces: list[str] = []

    @property
    def arguments(self) -> str:
        """JSON text, as the model wrote it."""
        return "".join(self.pieces)


class ChoiceText:
    """A choice of a whole answer while it is put together."""

    __slots__ = (
        "finish_reason", "logprobs", "pieces", "prompt", "reasoning_pieces", "stop", "token_ids",
        "tool_calls",
    )  # fmt: skip

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.finish_reason: str | None = None
        self.prompt: PromptInfo | None = None
        "With the choice whose delta came first."
        self.reasoning_pieces: list[str] = []
        self.tool_calls: list[CallText] = []
        self.logprobs: list[TokenLogprob] = []
        self.token_ids: list[int] = []
        self.stop = ""
        "The stop string that ended the text."

    @property
    def text(self) -> str:
        """What is neither thinking nor a call."""
        return "".join(self.pieces)

    @property
    def reasoning(self) -> str:
        """The thinking."""
        return "".join(self.reasoning_pieces)

    def take(self, delta: Delta) -> None:
        """Add a delta."""
        if delta.text:
            self.pieces.append(delta.text)
        if delta.finish_reason is not None:
            self.finish_reason = delta.finish_reason
        if delta.prompt is not None:
            self.prompt = delta.prompt
        if delta.more is not None:
            self._take_more(delta.more)

    def _take_more(self, more: More) -> None:
        if more.reasoning:
            self.reasoning_pieces.append(more.reasoning)
        for piece in more.tool_calls:
            while len(self.tool_calls) <= piece.index:
                self.tool_calls.append(CallText(piece.id, piece.name))
            self.tool_calls[piece.index].pieces.append(piece.arguments)
        self.logprobs += more.logprobs
        self.token_ids += more.token_ids
        self.stop = more.stop or self.stop


class Ending(Struct, frozen=True):
    """What the end of an answer carries besides text."""

    usage: Usage | None
    "None where a streaming client switched usage off."
    perf_metrics: dict[str, float] | None

    def fields(self) -> dict[str, Any]:  # Any: a JSON object
        """The closing fields of a body or last chunk."""
        usage = self.usage
        fields: dict[str, Any] = {"usage": None}
        if usage is not None:
            fields["usage"] = counted = {
                "prompt_tokens": usage.prompt_tokens,
                "total_tokens": usage.prompt_tokens + usage.completion_tokens,
                "completion_tokens": usage.completion_tokens,
                "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
            }
            if usage.reasoning_tokens:
                counted["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
        if self.perf_metrics is not None:
            fields["perf_metrics"] = self.perf_metrics
        return fields


class Answer(Protocol):
    """The form of one route's answers."""

    def events(self, delta: Delta) -> bytes:
        """The stream events for a delta that is not the answer's last."""
        ...

    def last_events(self, delta: Delta, ending: Ending) -> bytes:
        """The stream events for the last delta, which finishes the last choice."""
        ...

    def failure(self, error: ApiError) -> bytes:
        """The stream event that tells of an error after the answer began."""
        ...

    def whole(self, choices: list[ChoiceText], ending: Ending) -> bytes:
        """The body of a non-streaming answer."""
        ...
