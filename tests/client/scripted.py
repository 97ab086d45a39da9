"""A server that does to each request what a script says; it stands for any server but ours."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from json import dumps, loads
from typing import Any, Literal

LIMIT_S = 30.0

Then = Literal["end", "cut", "hang"]
"After the body: end it well, cut the connection in its midst, or say nothing more."


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What one request gets."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    then: Then = "end"

    def encoded(self) -> bytes:
        """As it goes over the wire; what does not end well promises a byte more than it has."""
        length = len(self.body) + (self.then != "end")
        headers = {"content-type": "application/json", "content-length": length} | self.headers
        lines = [f"HTTP/1.1 {self.status} Such", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


CUT = Reply(body=b"", then="cut")


def answer(value: Any, **fields: Any) -> Reply:
    return Reply(body=dumps(value).encode(), **fields)


def events(*values: Any, then: Then = "end") -> Reply:
    """A stream; only one that ends well has its last event."""
    lines = [f"data: {dumps(value)}\n\n" for value in values]
    end = ["data: [DONE]\n\n"] if then == "end" else []
    headers = {"content-type": "text/event-stream", "x-request-id": "req-7"}
    return Reply(headers=headers, body="".join([*lines, *end]).encode(), then=then)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: Any


class ScriptedServer:
    """Its last reply is given for ever."""

    def __init__(self, script: Iterable[Reply]) -> None:
        self.script = deque(script)
        self.asked: list[Asked] = []
        self.url = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(LIMIT_S)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has hung up
        finally:
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.asked.append(Asked(line=head[0], headers=headers, body=loads(body) if body else None))
        reply = self.script.popleft() if len(self.script) > 1 else self.script[0]
        writer.write(reply.encoded() if reply is not CUT else b"")
        await writer.drain()
        if reply.then == "hang":
            await reader.read()  # until the client gives up
        return reply.then == "end"


@contextmanager
def scripted(*script: Reply) -> Iterator[ScriptedServer]:
    """Run one for the length of a block."""
    server = ScriptedServer(script)
    server.start()
    try:
        yield server
    finally:
        server.stop()
