"""One connection to a worker, as a gateway would hold it."""

from __future__ import annotations

import asyncio
from itertools import count

import msgspec
from msgspec import Struct, field

from hearth.engines.protocol import Delta, Failure, GenerateRequest, Stats, TokenLogprob, Usage
from hearth.engines.wire import Connection, FrameType, Payload, connect_to

ANSWER_LIMIT_S = 300.0

_deltas = msgspec.msgpack.Decoder(list[Delta])
_failure = msgspec.msgpack.Decoder(Failure)
_stats = msgspec.msgpack.Decoder(Stats)


class Reply(Struct):
    """All that came for one request."""

    deltas: list[Delta] = field(default_factory=list)
    failure: Failure | None = None
    cancel_after: int | None = None
    "Tokens after which it is cancelled."

    @property
    def usage(self) -> Usage | None:
        """Of the last delta, once it is here."""
        return self.deltas[-1].usage if self.deltas else None

    @property
    def num_tokens(self) -> int:
        """Generated, of all choices."""
        return sum(delta.num_tokens for delta in self.deltas)

    @property
    def logprobs(self) -> list[TokenLogprob]:
        """Of the echoed prompt and the answer."""
        return [each for delta in self.deltas if delta.more for each in delta.more.logprobs]

    def text(self) -> str:
        """Of the first choice."""
        return "".join(delta.text for delta in self.deltas if delta.choice == 0)

    def finish(self) -> str | None:
        """Why the first choice ended."""
        reasons = [each.finish_reason for each in self.deltas if each.choice == 0]
        return next((reason for reason in reversed(reasons) if reason), None)


class Client:
    """Sends requests and waits for their ends; they fail when the worker is gone."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._replies: dict[int, tuple[Reply, asyncio.Future[None]]] = {}
        self._pongs: list[asyncio.Future[Stats]] = []
        self._connection: Connection
        self._is_lost = False

    async def connect(self, address: str) -> None:
        """Connect to a worker that listens.

        Raises:
            OSError: it does not.
        """
        self._connection = await connect_to(
            address, lambda: Connection(self._on_frame, self._on_lost)
        )

    async def ask(self, request: GenerateRequest, *, cancel_after: int | None = None) -> Reply:
        """Send a request and wait for its end.

        Raises:
            TimeoutError: it does not end.
            ConnectionError: the worker is gone.
        """
        if self._is_lost:
            raise ConnectionError("The worker is gone.")
        number = next(self._ids)
        reply = Reply(cancel_after=cancel_after)
        ended = asyncio.get_running_loop().create_future()
        self._replies[number] = reply, ended
        self._connection.send(FrameType.GENERATE, number, request)
        async with asyncio.timeout(ANSWER_LIMIT_S):
            await ended
        return reply

    async def stats(self) -> Stats:
        """What the worker says of itself."""
        pong: asyncio.Future[Stats] = asyncio.get_running_loop().create_future()
        self._pongs.append(pong)
        self._connection.send(FrameType.PING)
        async with asyncio.timeout(ANSWER_LIMIT_S):
            return await pong

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _on_frame(self, kind: FrameType, number: int, payload: Payload) -> None:
        if kind is FrameType.STEP:
            for delta in _deltas.decode(payload):
                self._take(delta)
        elif kind is FrameType.FAILED and number in self._replies:
            self._fail(number, _failure.decode(payload))
        elif kind is FrameType.PONG:
            pongs, self._pongs = self._pongs, []
            for pong in pongs:
                if not pong.done():
                    pong.set_result(_stats.decode(payload))

    def _take(self, delta: Delta) -> None:
        reply, ended = self._replies[delta.request]
        reply.deltas.append(delta)
        if delta.usage is not None:
            del self._replies[delta.request]
            _set(ended)
        elif reply.cancel_after is not None and reply.num_tokens >= reply.cancel_after:
            reply.cancel_after = None
            self._connection.send(FrameType.CANCEL, delta.request)

    def _fail(self, number: int, failure: Failure) -> None:
        reply, ended = self._replies.pop(number)
        reply.failure = failure
        _set(ended)

    def _on_lost(self, _: Exception | None) -> None:
        self._is_lost = True
        for number in list(self._replies):
            self._fail(number, Failure(kind="failed", message="The worker is gone."))


def _set(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
