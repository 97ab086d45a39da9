"""A Unix-socket server whose answers a test writes byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT_S = 10.0
END = b"0\r\n\r\n"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def event(value: bytes) -> bytes:
    """One event of a stream, in a chunk of its own."""
    payload = b"data: " + value + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(payload), payload)


@asynccontextmanager
async def serving(folder: Path, handler: Handler) -> AsyncIterator[str]:
    """Serve until the block ends and every connection is closed; gives the path of the socket."""
    path = str(folder / "s.sock")
    connections: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_unix_server(handle, path)
    try:
        yield path
    finally:
        server.close()
        if connections:
            await asyncio.wait(connections, timeout=LIMIT_S)


def answering(*pieces: bytes) -> Handler:
    """Answer every request with these bytes, then close."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return handle
