"""A small HTTP server that answers as it was recorded: chunk by chunk, or broken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

from tests.engines.worker_process import LIMIT_S

VLLM_MODELS = {
    "object": "list",
    "data": [
        {
            "id": "Qwen/Qwen3-8B", "object": "model", "created": 1761900000, "owned_by": "vllm",
            "root": "Qwen/Qwen3-8B", "parent": None, "max_model_len": 4096,
            "permission": [{"id": "modelperm-1", "object": "model_permission"}],
        }
    ],
}  # fmt: skip
SGLANG_MODELS = {
    "object": "list",
    "data": [
        {"id": "Qwen/Qwen3-8B", "object": "model", "created": 1761900000, "owned_by": "sglang",
         "root": "Qwen/Qwen3-8B", "parent": None, "max_model_len": 8192}
    ],
}  # fmt: skip
OPENAI_MODELS = {
    "object": "list",
    "data": [
        {"id": name, "object": "model", "created": 1715367049, "owned_by": "system"}
        for name in ("gpt-4o-mini", "gpt-4.1-nano", "text-embedding-3-small")
    ],
}


class Received:
    """A request as it came in."""

    def __init__(self, line: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, _ = line.split(" ")
        self.headers = headers
        self.body: dict[str, Any] = json.loads(body) if body else {}  # Any: a JSON object


class Out:
    """The answer to one request, under full control of the test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def begin(self, status: int = 200, **headers: str) -> None:
        """Send the head of a chunked answer."""
        headers = {"content-type": "text/event-stream; charset=utf-8"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        lines = [f"HTTP/1.1 {status} Recorded", "transfer-encoding: chunked"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())

    async def send(self, data: bytes) -> None:
        """Send a chunk, in a write of its own."""
        self._writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await self._writer.drain()
        await asyncio.sleep(0)

    async def event(self, data: object) -> None:
        """Send one event."""
        await self.send(encode_event(data))

    def end(self) -> None:
        """End the answer; the connection stays open."""
        self._writer.write(b"0\r\n\r\n")

    def cut(self) -> None:
        """Break the connection off."""
        self._writer.transport.abort()

    async def hung_up(self) -> None:
        """Wait until the client has closed the connection."""
        with suppress(ConnectionError):
            await asyncio.wait_for(self._reader.read(), LIMIT_S)

    def answer(self, body: object, status: int = 200, **headers: str) -> None:
        """Send a whole answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Recorded", f"content-length: {len(data)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + data)


Answering = Callable[[Received, Out], Awaitable[None]]


class Recorded:
    """The server. Tests set what it lists and how it answers."""

    def __init__(self, models: object = VLLM_MODELS) -> None:
        self.models = models
        self.health = 200
        self.num_tokens: int | None = None
        "What /tokenize counts; None where there is no such route."
        self.generating: Answering = play(VLLM_CHAT)
        self.received: list[Received] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[Received]:
        """The generating requests that came in."""
        return [each for each in self.received if each.path.endswith("completions")]

    async def start(self) -> Recorded:
        """Listen, again on the same port after a stop."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        """Stop as a killed process does."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while (received := await _read(reader)) is not None:
                self.received.append(received)
                await self._answer(received, Out(reader, writer))
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, received: Received, out: Out) -> None:
        fixed = {
            "/v1/models": (self.models, 200 if self.models is not None else 404),
            "/health": ({}, self.health),
            "/version": ({"version": "0.33.0"}, 200),
        }
        if received.path == "/tokenize" and self.num_tokens is not None:
            out.answer({"count": self.num_tokens, "max_model_len": 4096, "tokens": []})
        elif received.path.endswith("completions"):
            await self.generating(received, out)
        else:
            body, status = fixed.get(received.path, ({"detail": "Not Found"}, 404))
            out.answer(body, status)


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    line, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(line, headers, body)


def encode_event(data: object) -> bytes:
    """An event with JSON, or with the text given."""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return f"data: {text}\n\n".encode()


def play(events: Iterable[object]) -> Answering:
    """Answer with these events and the end of the stream."""

    async def answer(_: Received, out: Out) -> None:
        out.begin()
        for event in events:
            await out.event(event)
        out.end()

    return answer


def refuse(status: int, body: object, **headers: str) -> Answering:
    """Answer with an error."""

    async def answer(_: Received, out: Out) -> None:
        out.answer(body, status, **headers)

    return answer


def vllm_chunk(
    choice: int, delta: dict[str, Any], tokens: int, finish: str | None = None
) -> dict[str, Any]:  # Any: JSON objects
    """A chunk as vLLM sends it under continuous_usage_stats: the counts are the choice's own."""
    return {
        "id": "chatcmpl-8f3c", "object": "chat.completion.chunk", "created": 1761900001,
        "model": "Qwen/Qwen3-8B",
        "choices": [
            {"index": choice, "delta": delta, "logprobs": None, "finish_reason": finish,
             "token_ids": None}
        ],
        "usage": {"prompt_tokens": 11, "total_tokens": 11 + tokens, "completion_tokens": tokens},
    }  # fmt: skip


def usage_chunk(prompt: int, completion: int, cached: int | None = None) -> dict[str, Any]:
    """The last chunk, with the usage of the whole answer."""
    usage: dict[str, Any] = {
        "prompt_tokens": prompt, "total_tokens": prompt + completion,
        "completion_tokens": completion,
    }  # fmt: skip
    if cached is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [],
            "usage": usage}  # fmt: skip


def openai_chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """A chunk as OpenAI sends it: no counts before the end."""
    return {
        "id": "chatcmpl-CX1", "object": "chat.completion.chunk", "created": 1761900002,
        "model": "gpt-4o-mini-2024-07-18", "service_tier": "default",
        "system_fingerprint": "fp_560af6e559",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        "usage": None, "obfuscation": "tq2Y9bKc",
    }  # fmt: skip


VLLM_CHAT: list[object] = [
    vllm_chunk(0, {"role": "assistant", "content": ""}, 0),
    vllm_chunk(0, {"content": "Snow"}, 1),
    vllm_chunk(0, {"content": " fällt"}, 4),
    vllm_chunk(0, {"content": "."}, 5),
    vllm_chunk(0, {"content": ""}, 6, "stop"),
    usage_chunk(11, 6, cached=8),
    "[DONE]",
]
VLLM_TWO_CHOICES: list[object] = [
    vllm_chunk(0, {"role": "assistant", "content": ""}, 0),
    vllm_chunk(1, {"role": "assistant", "content": ""}, 0),
    vllm_chunk(1, {"content": "B"}, 1),
    vllm_chunk(0, {"content": "A"}, 1),
    vllm_chunk(0, {"content": "a"}, 2, "length"),
    vllm_chunk(1, {"content": "bb"}, 3),
    vllm_chunk(1, {"content": ""}, 4, "stop"),
    usage_chunk(11, 6),
    "[DONE]",
]
OPENAI_CHAT: list[object] = [
    openai_chunk({"role": "assistant", "content": "", "refusal": None}),
    openai_chunk({"content": "Warm"}),
    openai_chunk({"content": " and dry"}),
    openai_chunk({"content": "."}),
    openai_chunk({}, "stop"),
    usage_chunk(9, 5, cached=0),
    "[DONE]",
]
OPENAI_COMPLETION: list[object] = [
    {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-3.5-turbo-instruct",
     "choices": [{"text": " there", "index": 0, "logprobs": None, "finish_reason": None}]},
    {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-3.5-turbo-instruct",
     "choices": [{"text": "", "index": 0, "logprobs": None, "finish_reason": "length"}]},
    {"id": "cmpl-1", "object": "text_completion", "choices": [], "model": "x",
     "usage": {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}},
    "[DONE]",
]  # fmt: skip
