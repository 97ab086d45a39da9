"""How an answer looks on the wire: stream chunks by splicing, whole bodies by encoding.

A chunk is a fixed prefix, the encoded text and a fixed suffix: nothing is built per token. Usage
rides on the chunk that finishes the last choice, as Fireworks sends it; there is never a separate
usage chunk.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

import msgspec
from msgspec import Struct

from hearth.engines.protocol import Delta, Usage
from hearth.errors import ApiError
from hearth.gateway.error_shapes import error_object

DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.Encoder().encode


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


class ChoiceText:
    """A choice of a whole answer while it is put together."""

    __slots__ = ("finish_reason", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.finish_reason: str | None = None

    def take(self, delta: Delta) -> None:
        """Add a delta."""
        if delta.text:
            self.pieces.append(delta.text)
        if delta.finish_reason is not None:
            self.finish_reason = delta.finish_reason


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
            fields["usage"] = {
                "prompt_tokens": usage.prompt_tokens,
                "total_tokens": usage.prompt_tokens + usage.completion_tokens,
                "completion_tokens": usage.completion_tokens,
                "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
            }
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


class _Spliced(ABC):
    """The parts that chat and completion answers share."""

    kind: ClassVar[str]
    chunk_kind: ClassVar[str]
    introduction: ClassVar[bytes] = b""
    "What a choice's first event holds, before any text."
    before_text: ClassVar[bytes]
    after_text: ClassVar[bytes]
    empty: ClassVar[bytes]

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        self._openings: dict[int, bytes] = {}

    def events(self, delta: Delta) -> bytes:
        """See `Answer.events`."""
        if delta.finish_reason is None:
            return self._text_event(delta)
        return self._text_event(delta) + self._finish_event(delta, b',"usage":null}\n\n')

    def last_events(self, delta: Delta, ending: Ending) -> bytes:
        """See `Answer.last_events`."""
        closing = b"," + _encode(ending.fields())[1:] + b"\n\n"
        return self._text_event(delta) + self._finish_event(delta, closing)

    def _text_event(self, delta: Delta) -> bytes:
        opening, introduction = self._openings.get(delta.choice), b""
        if opening is None:
            opening = self._opening(delta.choice)
            introduction = opening + self.introduction if self.introduction else b""
        if not delta.text:
            return introduction
        text = _encode(delta.text)
        return b"".join((introduction, opening, self.before_text, text, self.after_text))

    def _opening(self, choice: int) -> bytes:
        """What every event of a choice begins with."""
        opening = self._openings.get(choice)
        if opening is None:
            head = _encode(self._head.opening(self.chunk_kind))[:-1]
            opening = b'data: %b,"choices":[{"index":%d' % (head, choice)
            self._openings[choice] = opening
        return opening

    def _finish_event(self, delta: Delta, closing: bytes) -> bytes:
        reason = b'"%s"}]' % (delta.finish_reason or "stop").encode()
        return b"".join((self._opening(delta.choice), self.empty, reason, closing))

    def failure(self, error: ApiError) -> bytes:
        """See `Answer.failure`; empty `choices` make clients that ignore `error` fail loudly."""
        opening = self._head.opening(self.chunk_kind)
        return (
            b"data: " + _encode(opening | {"choices": [], "error": error_object(error)}) + b"\n\n"
        )

    def whole(self, choices: list[ChoiceText], ending: Ending) -> bytes:
        """See `Answer.whole`."""
        body = self._head.opening(self.kind)
        body["choices"] = [self._choice(i, choice) for i, choice in enumerate(choices)]
        return _encode(body | ending.fields())

    @abstractmethod
    def _choice(self, index: int, choice: ChoiceText) -> dict[str, Any]:  # Any: a JSON object
        """A choice of a whole answer."""


class ChatAnswer(_Spliced):
    """Answers of POST /chat/completions."""

    kind = "chat.completion"
    chunk_kind = "chat.completion.chunk"
    introduction = b',"delta":{"role":"assistant"},"finish_reason":null}],"usage":null}\n\n'
    before_text = b',"delta":{"content":'
    after_text = b'},"finish_reason":null}],"usage":null}\n\n'
    empty = b',"delta":{},"finish_reason":'

    def _choice(self, index: int, choice: ChoiceText) -> dict[str, Any]:  # Any: a JSON object
        message = {"role": "assistant", "content": "".join(choice.pieces)}
        return {"index": index, "message": message, "finish_reason": choice.finish_reason}


class CompletionAnswer(_Spliced):
    """Answers of POST /completions."""

    kind = "text_completion"
    chunk_kind = "text_completion"
    before_text = b',"text":'
    after_text = b',"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
    empty = b',"text":"","logprobs":null,"finish_reason":'

    def _choice(self, index: int, choice: ChoiceText) -> dict[str, Any]:  # Any: a JSON object
        text = "".join(choice.pieces)
        return {
            "index": index, "text": text, "logprobs": None, "finish_reason": choice.finish_reason,
        }  # fmt: skip
