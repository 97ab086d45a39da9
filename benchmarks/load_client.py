"""One connection of the load generator: sends a request, checks the answer, tells its end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from time import perf_counter
from typing import cast

import httptools
from msgspec import Struct

_EVENT = b"data: "
_DONE = b"data: [DONE]"
_TEXT = re.compile(rb'"content": ?"[^"]')
_TOKENS = re.compile(rb'"completion_tokens": ?(\d+)')
TAIL_BYTES = 2048  # enough for the last events, where usage and the terminator are


class Answer(Struct):
    """What is known of the answer under way."""

    due_s: float
    first_text_s: float = 0.0
    ended_s: float = 0.0
    num_events: int = 0
    is_stream: bool = False
    tail: bytes = b""
    fault: str = ""

    @property
    def tokens(self) -> int:
        """Completion tokens as the server counted them; 0 when it did not say."""
        counts = _TOKENS.findall(self.tail)
        return int(counts[-1]) if counts else 0


class Client(asyncio.Protocol):
    """A keep-alive connection that has one request in flight at a time."""

    def __init__(self, min_events: int, on_answer: Callable[[Client, Answer], None]) -> None:
        self._min_events = min_events
        self._on_answer = on_answer
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._transport: asyncio.Transport | None = None

    def ask(self, request: bytes, due_s: float) -> None:
        """Send a request that was due at that time of `perf_counter`."""
        self._answer = Answer(due_s=due_s)
        if self._transport is None:
            self._end("the connection is closed")
        else:
            self._transport.write(request)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._transport = None
        if self._answer is not None:
            self._end("the server closed the connection")

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """See `httptools`."""
        if self._answer is not None and name.lower() == b"content-type":
            self._answer.is_stream = value.startswith(b"text/event-stream")

    def on_body(self, part: bytes) -> None:
        """See `httptools`."""
        answer = self._answer
        if answer is None:
            return
        joined = answer.tail[-len(_EVENT) + 1 :] + part  # an event's mark may be cut in two
        answer.num_events += joined.count(_EVENT)
        answer.tail = (answer.tail + part)[-TAIL_BYTES:]
        if not answer.first_text_s and _TEXT.search(answer.tail):
            answer.first_text_s = perf_counter()

    def on_message_complete(self) -> None:
        """See `httptools`: the answer is whole."""
        self._end(self._fault())

    def _fault(self) -> str:
        answer = self._answer
        if (status := self._parser.get_status_code()) != 200 or answer is None:
            return f"status {status}: {answer.tail[:300]!r}" if answer else f"status {status}"
        if answer.is_stream != (self._min_events > 0):
            return f"a stream is {answer.is_stream}"
        if not answer.tokens:
            return f"no usage in {answer.tail[-300:]!r}"
        if answer.is_stream and _DONE not in answer.tail[-64:]:
            return f"the stream ended with {answer.tail[-64:]!r}"
        if answer.num_events < self._min_events:
            return f"{answer.num_events} events"
        return ""

    def _end(self, fault: str) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.ended_s, answer.fault = perf_counter(), fault
            self._on_answer(self, answer)
