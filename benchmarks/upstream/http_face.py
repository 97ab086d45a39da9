"""The mock upstream as an OpenAI-style server, for LiteLLM and for driving it directly."""

from __future__ import annotations

import asyncio
from typing import cast

import httptools
import msgspec
from msgspec import Struct

from benchmarks.upstream.pace import ANSWER_TEXT, CHUNK_TEXT, Pace

_USAGE = b'{"prompt_tokens":200,"completion_tokens":%d,"total_tokens":%d}'
_HEAD = b'{"id":"chatcmpl-1","object":"%s","created":1,"model":"upstream",'
_ANSWER = (
    _HEAD % b"chat.completion"
    + b'"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":'
    + msgspec.json.encode(ANSWER_TEXT)
    + b'}}],"usage":%s}' % (_USAGE % (1, 201))
)
_ANSWER_HTTP = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
    % (len(_ANSWER), _ANSWER)
)
_STREAM_HTTP = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


def _event(data: bytes) -> bytes:
    """An SSE event as one HTTP chunk."""
    return b"%x\r\ndata: %s\n\n\r\n" % (len(data) + 8, data)


_DELTA = _event(
    _HEAD % b"chat.completion.chunk"
    + b'"choices":[{"index":0,"delta":{"role":"assistant","content":"%s"},"finish_reason":null}]}'
    % CHUNK_TEXT.encode()
)
_FINISH = _event(
    _HEAD % b"chat.completion.chunk"
    + b'"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":"length"}]}'
    % CHUNK_TEXT.encode()
)
_END = _event(b"[DONE]") + b"0\r\n\r\n"


class _Asked(Struct):
    """What the mock reads of a request."""

    stream: bool = False
    max_tokens: int = 100


_decoder = msgspec.json.Decoder(_Asked)


class HttpFace(asyncio.Protocol):
    """One client's connection; a stream is one HTTP chunk per beat."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._left = 0
        self._total = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._transport = None
        self._pace.remove(self)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        """See `httptools`."""
        self._body.append(part)

    def on_message_complete(self) -> None:
        """See `httptools`: the request is whole."""
        body, self._body = b"".join(self._body), []
        asked = _decoder.decode(body) if body else _Asked(max_tokens=1)
        if not asked.stream:
            self._write(_ANSWER_HTTP)
            return
        self._left = self._total = asked.max_tokens
        self._write(_STREAM_HTTP)
        self._pace.add(self)

    def step(self) -> bool:
        """See `Stepping`."""
        self._left -= 1
        if self._left > 0:
            self._write(_DELTA)
            return True
        usage = _USAGE % (self._total, self._total + 200)
        last = _event(_HEAD % b"chat.completion.chunk" + b'"choices":[],"usage":%s}' % usage)
        self._write(_FINISH + last + _END)
        return False

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
