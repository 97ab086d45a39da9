"""Exchanges with a server that behaves, breaks off, refuses, or is not there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from hearth.engines.llm.llamacpp.exchange import Exchange, ExchangeError, post
from tests.engines.llm.llamacpp.serving import END, HEAD, answering, event, serving

LIMIT_S = 10.0
EVENT = event(b"{}")


class Collected:
    """Keeps what an exchange brings."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.ended: asyncio.Future[ExchangeError | None] = (
            asyncio.get_running_loop().create_future()
        )
        self.got_message = asyncio.Event()

    def on_message(self, message: bytes) -> None:
        self.messages.append(message)
        self.got_message.set()

    def on_end(self, error: ExchangeError | None) -> None:
        self.ended.set_result(error)

    async def end(self) -> ExchangeError | None:
        async with asyncio.timeout(LIMIT_S):
            return await self.ended


async def test_events_come_as_the_server_sends_them(tmp_path: Path) -> None:
    async with serving(tmp_path, answering(HEAD, EVENT, EVENT, END)) as path:
        receiver = Collected()
        Exchange(path, post("/x", b"{}"), receiver)

        assert await receiver.end() is None
        assert receiver.messages == [b"{}", b"{}"]


@pytest.mark.parametrize("pieces", [(), (HEAD,), (HEAD, EVENT), (HEAD, EVENT[:-4])])
async def test_a_server_that_breaks_off_is_an_error(
    tmp_path: Path, pieces: tuple[bytes, ...]
) -> None:
    async with serving(tmp_path, answering(*pieces)) as path:
        receiver = Collected()
        Exchange(path, post("/x", b"{}"), receiver)

        error = await receiver.end()

    assert error is not None
    assert error.status == 0


async def test_a_refusal_carries_status_and_body(tmp_path: Path) -> None:
    refusal = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"
    async with serving(tmp_path, answering(refusal)) as path:
        receiver = Collected()
        Exchange(path, post("/x", b"{}"), receiver)

        error = await receiver.end()

    assert error is not None
    assert (error.status, error.body) == (503, b"busy")
    assert receiver.messages == []


async def test_no_server_is_an_error_told_after_the_constructor(tmp_path: Path) -> None:
    receiver = Collected()

    Exchange(str(tmp_path / "none.sock"), post("/x", b"{}"), receiver)

    assert not receiver.ended.done()
    assert await receiver.end() is not None


async def test_a_request_larger_than_the_sockets_buffer_arrives_whole(tmp_path: Path) -> None:
    body = os.urandom(5_000_000)
    arrived = asyncio.get_running_loop().create_future()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set_result(await reader.readexactly(len(body)))

    async with serving(tmp_path, handle) as path, asyncio.timeout(LIMIT_S):
        exchange = Exchange(path, post("/x", body), Collected())
        assert await arrived == body
        exchange.close()


async def test_closing_is_seen_by_the_server_and_nothing_more_is_told(tmp_path: Path) -> None:
    gone = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + EVENT)
        await reader.read()  # to the end of what the client sends
        gone.set()

    async with serving(tmp_path, handle) as path, asyncio.timeout(LIMIT_S):
        receiver = Collected()
        exchange = Exchange(path, post("/x", b"{}"), receiver)
        await receiver.got_message.wait()

        exchange.close()
        exchange.close()

        await gone.wait()
        assert not receiver.ended.done()
