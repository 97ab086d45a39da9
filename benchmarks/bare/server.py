"""The bare server's HTTP side: one request of a client, from its bytes to its answer's."""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
import zlib
from itertools import count
from typing import Literal, cast

import httptools
import msgspec
from msgspec import Struct

from benchmarks.bare.channel import BareChannel
from hearth.engines.protocol import Delta, GenerateRequest, Message, Sampling

_USAGE = b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}'
_ANSWER = (
    b'{"id":"%s","object":"chat.completion","created":1,"model":%s,"choices":[{"index":0,'
    b'"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":%s}'
)
_ANSWER_HTTP = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
_STREAM_HTTP = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_PREFIX = (
    b'data: {"id":"%s","object":"chat.completion.chunk","created":1,"model":%s,'
    b'"choices":[{"index":0,"delta":{"content":'
)
_SUFFIX = b'},"finish_reason":null}],"usage":null}\n\n'
_LAST = b'},"finish_reason":"length"}],"usage":%s}\n\ndata: [DONE]\n\n'
_REFUSED = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
_ABSENT = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
_FRAME = struct.Struct(">II")

_encode = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode


class ChatMessage(Struct):
    """One turn, with the role checked."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str


class ChatRequest(Struct):
    """The fields a client of the benchmark sends."""

    model: str
    messages: list[ChatMessage]
    stream: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int = 0


_request = msgspec.json.Decoder(ChatRequest)


class Shared(Struct):
    """What every connection of the bare server uses."""

    channel: BareChannel
    keys: dict[bytes, str]
    "Account by the sha256 of a key."
    journal_fd: int
    ids: count[int]


class BareServer(asyncio.Protocol):
    """One client connection; requests come one after another."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = self._key = b""
        self._body: list[bytes] = []
        self._account = ""
        self._asked: ChatRequest | None = None
        self._id = self._model = self._prefix = b""
        self._texts: list[str] = []
        self._prompt_tokens = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """See `httptools`."""
        self._url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """See `httptools`."""
        if name.lower() == b"authorization":
            self._key = value[7:]

    def on_body(self, part: bytes) -> None:
        """See `httptools`."""
        self._body.append(part)

    def on_message_complete(self) -> None:
        """See `httptools`: check the key, decode, send to the worker."""
        body, self._body = b"".join(self._body), []
        account = self._shared.keys.get(hashlib.sha256(self._key).digest())
        if self._url != b"/v1/chat/completions":
            self._write(_ABSENT)
        elif account is None:
            self._write(_REFUSED)
        else:
            self._account = account
            self._start(_request.decode(body))

    def _start(self, asked: ChatRequest) -> None:
        self._asked = asked
        self._id = b"%032x" % next(self._shared.ids)
        self._model = _encode(asked.model)
        if asked.stream:
            self._prefix = _PREFIX % (self._id, self._model)
            self._write(_STREAM_HTTP)
        request = GenerateRequest(
            messages=[Message(turn.role, turn.content) for turn in asked.messages],
            sampling=Sampling(temperature=asked.temperature, top_p=asked.top_p),
            seed=asked.seed,
            max_tokens=asked.max_tokens,
        )
        self._shared.channel.generate(request, self)

    def take(self, delta: Delta) -> None:
        """See `Taker`."""
        assert self._asked is not None
        if delta.prompt is not None:
            self._prompt_tokens = delta.prompt.prompt_tokens
        if delta.usage is not None:
            self._finish(delta, delta.usage.completion_tokens)
        elif self._asked.stream:
            event = self._prefix + _encode(delta.text) + _SUFFIX
            self._write(b"%x\r\n%s\r\n" % (len(event), event))
        else:
            self._texts.append(delta.text)

    def _finish(self, delta: Delta, num_tokens: int) -> None:
        """Write the journal record, then what ends the answer."""
        assert self._asked is not None
        record = _pack(
            (self._id, self._account, self._asked.model, self._prompt_tokens, num_tokens)
        )
        frame = _FRAME.pack(len(record), zlib.crc32(record)) + record
        os.write(self._shared.journal_fd, frame)
        usage = _USAGE % (self._prompt_tokens, num_tokens, self._prompt_tokens + num_tokens)
        if self._asked.stream:
            event = self._prefix + _encode(delta.text) + _LAST % usage
            self._write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event))
            return
        text = "".join([*self._texts, delta.text])
        self._texts.clear()
        body = _ANSWER % (self._id, self._model, _encode(text), usage)
        self._write(_ANSWER_HTTP % (len(body), body))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
