"""An engine behind the worker protocol: connections in, one step frame a step out.

Credit: a delta costs its request one credit. A request without credit keeps running, its deltas
are merged until the gateway grants more, so a slow client never holds up the others and memory is
bounded by the answer itself.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import partial
from itertools import count

import msgspec

from hearth.engines.adapter_changes import AdapterChanges
from hearth.engines.engine import Engine, Failed, VectorEngine
from hearth.engines.protocol import (
    Adapter,
    Delta,
    EmbedRequest,
    Failure,
    GenerateRequest,
    LoadedAdapter,
    More,
    Tally,
    Usage,
)
from hearth.engines.wire import Connection, FrameType, Payload, WireError
from hearth.errors import SetupError

_generate = msgspec.msgpack.Decoder(GenerateRequest)
_embed = msgspec.msgpack.Decoder(EmbedRequest)
_credit = msgspec.msgpack.Decoder(int)
_adapter = msgspec.msgpack.Decoder(Adapter)
_name = msgspec.msgpack.Decoder(str)

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_DRAINING = Failure(kind="draining", message="The worker is finishing and takes nothing new.")
_NO_VECTORS = Failure(
    kind="invalid",
    param="model",
    message="This model writes text and has no vectors; name an embedding model.",
)


class _Running:
    """A request of one peer while the engine works on it."""

    __slots__ = ("credit", "held", "peer", "peer_request")

    def __init__(self, peer: _Peer, peer_request: int, credit: int) -> None:
        self.peer = peer
        self.peer_request = peer_request
        self.credit = credit
        self.held: dict[int, Delta] = {}  # by choice, merged while there is no credit


class _Peer:
    """One gateway's connection, and its requests by the gateway's own ids."""

    def __init__(self) -> None:
        self.connection: Connection
        self.engine_ids: dict[int, int] = {}
        self.outgoing: list[Delta] = []


class EngineServer:
    """Serves one engine to any number of gateways until it is drained."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids = count(1)
        self._running: dict[int, _Running] = {}
        self._peers: set[_Peer] = set()
        self._listener: asyncio.Server | None = None
        self._drained = asyncio.Event()
        self._tally = Tally()
        self._is_draining = False
        self._adapter_changes = AdapterChanges(engine, self._tell_adapters)

    async def listen(self, address: str) -> str:
        """Listen on `unix:///path` or `tcp://host:port`; return the address really taken.

        Raises:
            SetupError: the address cannot be had.
        """
        try:
            return await self._listen(address)
        except OSError as error:
            raise SetupError(f"Cannot listen on {address}: {error.strerror or error}.") from error

    async def _listen(self, address: str) -> str:
        loop = asyncio.get_running_loop()
        scheme, _, place = address.partition("://")
        if scheme == "unix":
            self._listener = await loop.create_unix_server(self._accept, place)
            os.chmod(place, 0o600)
            return address
        host, _, port = place.rpartition(":")
        self._listener = await loop.create_server(self._accept, host, int(port))
        port = self._listener.sockets[0].getsockname()[1]
        return f"tcp://{host}:{port}"

    async def serve(self) -> None:
        """Step the engine until `drain` was called and nothing runs any more."""
        stepping = asyncio.create_task(self._step_forever())
        drained = asyncio.create_task(self._drained.wait())
        try:
            await asyncio.wait({stepping, drained}, return_when=asyncio.FIRST_COMPLETED)
            if stepping.done():
                stepping.result()  # the engine broke: let the process end with its traceback
        finally:
            stepping.cancel()
            drained.cancel()
            self._adapter_changes.cancel()
            for peer in list(self._peers):
                peer.connection.close()
            if self._listener is not None:
                self._listener.close()

    def drain(self) -> None:
        """Take nothing new; `serve` returns once what runs has finished."""
        self._is_draining = True
        self._end_if_drained()

    def _end_if_drained(self) -> None:
        if self._is_draining and not self._running:
            self._drained.set()

    def _accept(self) -> Connection:
        peer = _Peer()
        peer.connection = Connection(partial(self._on_frame, peer), partial(self._on_lost, peer))
        self._peers.add(peer)
        peer.connection.send(FrameType.HELLO, 0, self._engine.hello())
        return peer.connection

    def _on_lost(self, peer: _Peer, _: Exception | None) -> None:
        self._peers.discard(peer)
        for engine_id in peer.engine_ids.values():
            self._running.pop(engine_id, None)
            self._engine.cancel(engine_id)
        self._end_if_drained()

    def _on_frame(self, peer: _Peer, kind: FrameType, request: int, payload: Payload) -> None:
        if kind is FrameType.GENERATE:
            self._begin(peer, request, _generate.decode(payload))
        elif kind is FrameType.EMBED:
            self._begin(peer, request, _embed.decode(payload))
        elif kind is FrameType.CANCEL:
            if engine_id := peer.engine_ids.get(request):
                self._engine.cancel(engine_id)
        elif kind is FrameType.CREDIT:
            self._grant(peer, request, _credit.decode(payload))
        elif kind is FrameType.ADAPTER_LOAD:
            self._adapter_changes.begin(_adapter.decode(payload), request, peer.connection)
        elif kind is FrameType.ADAPTER_UNLOAD:
            self._adapter_changes.begin(_name.decode(payload), request, peer.connection)
        elif kind is FrameType.PING:
            stats = msgspec.structs.replace(
                self._engine.stats(), resident_bytes=_resident_bytes(), tally=self._tally
            )
            peer.connection.send(FrameType.PONG, 0, stats)

    def _tell_adapters(self, loaded: list[LoadedAdapter], asker: Connection) -> None:
        for peer in self._peers:
            if peer.connection is not asker:
                peer.connection.send(FrameType.ADAPTERS, 0, loaded)

    def _begin(self, peer: _Peer, request: int, asked: GenerateRequest | EmbedRequest) -> None:
        if request in peer.engine_ids:
            raise WireError(f"Request {request} is running already.")
        if self._is_draining:
            peer.connection.send(FrameType.FAILED, request, _DRAINING)
            return
        engine_id = next(self._ids)
        try:
            self._add(engine_id, asked)
        except Failed as refused:
            peer.connection.send(FrameType.FAILED, request, refused.failure)
            return
        self._tally.started += 1
        peer.engine_ids[request] = engine_id
        self._running[engine_id] = _Running(peer, request, asked.credit)

    def _add(self, engine_id: int, asked: GenerateRequest | EmbedRequest) -> None:
        if isinstance(asked, GenerateRequest):
            self._engine.add(engine_id, asked)
        elif isinstance(self._engine, VectorEngine):
            self._engine.embed(engine_id, asked)
        else:
            raise Failed(_NO_VECTORS)

    def _grant(self, peer: _Peer, request: int, credit: int) -> None:
        running = self._running.get(peer.engine_ids.get(request, 0))
        if running is None:
            return
        running.credit += credit
        held, running.held = running.held, {}
        for delta in held.values():
            self._put(running, delta)
        self._send_outgoing((peer,))

    async def _step_forever(self) -> None:
        while True:
            touched: set[_Peer] = set()
            for item in await self._engine.step():
                if isinstance(item, Delta):
                    self._take_delta(item, touched)
                else:
                    self._take_failure(*item)
            self._send_outgoing(touched)
            self._end_if_drained()

    def _take_delta(self, delta: Delta, touched: set[_Peer]) -> None:
        engine_id = delta.request
        self._tally.generated_tokens += delta.num_tokens
        if delta.usage is not None:
            _count(self._tally, delta.usage)
        running = self._running.get(engine_id)
        if running is None:  # its gateway has gone
            return
        delta.request = running.peer_request
        is_last = delta.usage is not None
        if is_last:
            running.credit += 1 + len(running.held)  # an answer's end is never held back
            del self._running[engine_id]
            del running.peer.engine_ids[running.peer_request]
            held, running.held = running.held, {}
            for earlier in held.values():
                self._put(running, earlier)
        self._put(running, delta)
        touched.add(running.peer)

    def _put(self, running: _Running, delta: Delta) -> None:
        if running.credit > 0:
            running.credit -= 1
            running.peer.outgoing.append(delta)
        elif earlier := running.held.get(delta.choice):
            _merge(earlier, delta)
        else:
            running.held[delta.choice] = delta

    def _take_failure(self, engine_id: int, failure: Failure) -> None:
        self._tally.failed += 1
        if running := self._running.pop(engine_id, None):
            del running.peer.engine_ids[running.peer_request]
            running.peer.connection.send(FrameType.FAILED, running.peer_request, failure)

    def _send_outgoing(self, peers: Sequence[_Peer] | set[_Peer]) -> None:
        for peer in peers:
            if peer.outgoing:
                peer.connection.send(FrameType.STEP, 0, peer.outgoing)
                peer.outgoing = []


def _merge(earlier: Delta, later: Delta) -> None:
    earlier.text += later.text
    earlier.num_tokens += later.num_tokens
    earlier.finish_reason = later.finish_reason
    earlier.prompt = later.prompt or earlier.prompt
    if later.more is not None:
        earlier.more = later.more if earlier.more is None else _joined(earlier.more, later.more)


def _joined(earlier: More, later: More) -> More:
    return More(
        reasoning=earlier.reasoning + later.reasoning,
        tool_calls=[*earlier.tool_calls, *later.tool_calls],
        logprobs=[*earlier.logprobs, *later.logprobs],
        token_ids=[*earlier.token_ids, *later.token_ids],
        stop=later.stop or earlier.stop,
        vectors=later.vectors or earlier.vectors,
    )


def _count(tally: Tally, usage: Usage) -> None:
    tally.finished += 1
    tally.prompt_tokens += usage.prompt_tokens
    tally.cached_tokens += usage.cached_tokens
    tally.completion_tokens += usage.completion_tokens
    tally.queue_s += usage.queue_s
    tally.prefill_s += usage.prefill_s
    tally.decode_s += usage.decode_s


def _resident_bytes() -> int:
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * _PAGE_BYTES
    except OSError:  # not Linux
        return 0
