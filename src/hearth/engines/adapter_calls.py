"""Asking a running worker to load an adapter, or to let go of one."""

from __future__ import annotations

import asyncio

import msgspec

from hearth.engines.protocol import Adapter, Failure, LoadedAdapter
from hearth.engines.wire import Connection, FrameType, Payload, connect_to
from hearth.errors import SetupError

LIMIT_S = 120.0  # a large adapter on a slow disk is there by then
_REQUEST = 1

_loaded = msgspec.msgpack.Decoder(list[LoadedAdapter])
_failure = msgspec.msgpack.Decoder(Failure)


async def change_adapter(
    address: str, change: Adapter | str, *, limit_s: float = LIMIT_S
) -> list[LoadedAdapter]:
    """Have a worker load an adapter, or unload the one so named; return what it has then.

    Raises:
        SetupError: the worker refuses, or cannot be reached.
    """
    try:
        async with asyncio.timeout(limit_s):
            return await _change(address, change)
    except TimeoutError:
        raise SetupError(f"The worker did not answer within {limit_s:.0f} s.") from None
    except OSError as error:
        raise SetupError(f"The worker cannot be reached: {error.strerror or error}.") from error


async def _change(address: str, change: Adapter | str) -> list[LoadedAdapter]:
    answer: asyncio.Future[list[LoadedAdapter]] = asyncio.get_running_loop().create_future()

    def on_frame(kind: FrameType, request: int, payload: Payload) -> None:
        if request != _REQUEST or answer.done():
            return
        if kind is FrameType.ADAPTERS:
            answer.set_result(_loaded.decode(payload))
        elif kind is FrameType.FAILED:
            answer.set_exception(SetupError(_failure.decode(payload).message))

    def on_lost(_: Exception | None) -> None:
        if not answer.done():
            answer.set_exception(SetupError("The worker ended before it answered."))

    connection = await connect_to(address, lambda: Connection(on_frame, on_lost))
    try:
        is_load = isinstance(change, Adapter)
        kind = FrameType.ADAPTER_LOAD if is_load else FrameType.ADAPTER_UNLOAD
        connection.send(kind, _REQUEST, change)
        return await answer
    finally:
        answer.cancel()
        connection.close()
