"""The mock upstream as a Hearth worker: one STEP frame per beat with every request's delta."""

from __future__ import annotations

import asyncio
from functools import cached_property

import msgspec

from benchmarks.upstream.pace import ANSWER_TEXT, CHUNK_TEXT, Pace
from hearth.engines.protocol import (
    Capabilities,
    Delta,
    FinishReason,
    GenerateRequest,
    Hello,
    PromptInfo,
    Sampling,
    Stats,
    Usage,
)
from hearth.engines.wire import Connection, FrameType, Payload

PROMPT_TOKENS = 200

_request = msgspec.msgpack.Decoder(GenerateRequest)
_credit = msgspec.msgpack.Decoder(int)


class _Running(msgspec.Struct):
    """A request being answered."""

    num_tokens: int
    credit: int
    num_sent: int = 0


class WorkerFace:
    """One gateway's connection."""

    def __init__(self, pace: Pace, model: str) -> None:
        self._pace = pace
        self._model = model
        self._running: dict[int, _Running] = {}
        self._at_once: list[Delta] = []

    @cached_property
    def connection(self) -> Connection:
        """The protocol to hand to the listening socket."""
        return Connection(self._on_frame, lambda _: self._pace.remove(self))

    def greet(self) -> None:
        """Send the first frame; the mock takes whatever a gateway asks for."""
        capabilities = Capabilities(
            sampling=frozenset(Sampling.__struct_fields__),
            chat=True,
            token_prompts=True,
            ignore_eos=True,
            seed=True,
            cached_tokens=True,
        )
        hello = Hello(
            replica_id="upstream",
            engine="fake",
            engine_version="1",
            model=self._model,
            fingerprint="upstream",
            context_tokens=8192,
            max_batch=256,
            capabilities=capabilities,
        )
        self.connection.send(FrameType.HELLO, 0, hello)

    def _on_frame(self, kind: FrameType, request: int, payload: Payload) -> None:
        if kind is FrameType.GENERATE:
            self._start(request, _request.decode(payload))
        elif kind is FrameType.CREDIT and request in self._running:
            self._running[request].credit += _credit.decode(payload)
        elif kind is FrameType.CANCEL and (cancelled := self._running.pop(request, None)):
            self._send_soon(_last(request, "", cancelled.num_sent, reason="cancelled"))
        elif kind is FrameType.PING:
            self.connection.send(FrameType.PONG, 0, Stats(running=len(self._running)))

    def _start(self, request: int, asked: GenerateRequest) -> None:
        num_tokens = asked.max_tokens or 100
        if num_tokens == 1:
            self._send_soon(_last(request, ANSWER_TEXT, 1, prompt=PromptInfo(PROMPT_TOKENS, 0)))
            return
        self._running[request] = _Running(num_tokens=num_tokens, credit=asked.credit)
        self._pace.add(self)

    def _send_soon(self, delta: Delta) -> None:
        if not self._at_once:
            asyncio.get_running_loop().call_soon(self._send_at_once)
        self._at_once.append(delta)

    def _send_at_once(self) -> None:
        self.connection.send(FrameType.STEP, 0, self._at_once)
        self._at_once = []

    def step(self) -> bool:
        """See `Stepping`."""
        deltas = [
            _chunk(request, running)
            for request, running in self._running.items()
            if running.credit > running.num_sent
        ]
        for delta in deltas:
            if delta.usage is not None:
                del self._running[delta.request]
        if deltas:
            self.connection.send(FrameType.STEP, 0, deltas)
        return bool(self._running)


def _chunk(request: int, running: _Running) -> Delta:
    running.num_sent += 1
    if running.num_sent == running.num_tokens:
        return _last(request, CHUNK_TEXT, running.num_sent)
    prompt = PromptInfo(PROMPT_TOKENS, 0) if running.num_sent == 1 else None
    return Delta(request, 0, CHUNK_TEXT, 1, None, prompt)


def _last(
    request: int,
    text: str,
    num_tokens: int,
    *,
    reason: FinishReason = "length",
    prompt: PromptInfo | None = None,
) -> Delta:
    usage = Usage(PROMPT_TOKENS, 0, num_tokens, 0.0, 0.001, 0.1)
    return Delta(request, 0, text, 1 if text else 0, reason, prompt, usage)
