"""The engine's heart: schedule, compute, draw, tell; one step after the other.

Everything but the computing is done on the event loop, between steps, so nothing here is locked.
A step runs in a thread of its own; the backends let go of the interpreter while they compute.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec.structs import replace

from hearth.engines.engine import Failed
from hearth.engines.llm.native.assembly import assemble
from hearth.engines.llm.native.backend import Backend, Step
from hearth.engines.llm.native.block_pool import BlockPool
from hearth.engines.llm.native.drawing_step import Outcome, draw_pieces
from hearth.engines.llm.native.entry import Entry, Vocabulary
from hearth.engines.llm.native.reports import Reports
from hearth.engines.llm.native.sampling import Sampler, check
from hearth.engines.llm.native.scheduler import Piece, Plan, Scheduler
from hearth.engines.llm.native.sequence import Sequence
from hearth.engines.llm.native.shelf import AdapterShelf, Reader, Room, ShelfUser
from hearth.engines.llm.native_options import NativeOptions
from hearth.engines.llm.outbox import Outbox
from hearth.engines.llm.types import Broken, SequenceRequest, TokenEvent
from hearth.engines.protocol import Failure, Hello, Sampling, Stats

_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class NativeRunner:
    """Implements `TokenEngine` and, by its `adapters`, `LiveTokens`.

    Args:
        backend: closed with this runner.
        hello: of the engine, without adapters.
        read_adapter: reads the files of adapters.
    """

    def __init__(
        self,
        backend: Backend,
        hello: Hello,
        vocabulary: Vocabulary,
        options: NativeOptions,
        *,
        read_adapter: Reader,
    ) -> None:
        self.vocabulary_size = vocabulary.size
        self._backend = backend
        self._hello = hello
        self._max_waiting = options.max_waiting
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._outbox: Outbox[TokenEvent] = Outbox(patience_s=0)
        self._sequences: dict[int, Sequence] = {}
        room = Room(options.resident_adapters, options.host_adapters)
        user = ShelfUser(self._adapters_in_use, self._note_adapter)
        self.adapters = AdapterShelf(backend, self._thread, read_adapter, room, user)
        self._pool = BlockPool(backend.num_blocks, backend.block_tokens)
        self._scheduler = Scheduler(
            self._pool,
            max_running=hello.max_batch,
            chunk_tokens=options.chunk_tokens,
            is_ready=lambda sequence: self.adapters.is_ready(sequence.adapter),
            guess_tokens=options.draft_tokens,
        )
        self._entry = Entry(
            vocabulary,
            self._admit,
            self._outbox.put,
            may_guess=options.speculation == "auto",
            may_share=options.prefix_cache,
        )
        self._sampler = Sampler(vocabulary.size)
        self._ends = vocabulary.end_ids
        self._reports = Reports(vocabulary, self._outbox.put)
        self._under_way: asyncio.Future[list[tuple[Piece, Outcome]]] | None = None

    def hello(self) -> Hello:
        """See `TokenEngine`."""
        return replace(self._hello, adapters=self.adapters.loaded)

    def check(self, sampling: Sampling) -> None:
        """See `TokenEngine`."""
        check(sampling)

    def tokenize(self, key: int, text: str, *, special: bool = True, start: bool = True) -> None:
        """See `TokenEngine`."""
        self._entry.tokenize(key, text, special=special, start=start)

    def add(self, request: SequenceRequest) -> None:
        """See `TokenEngine`."""
        refused = self._refusal(request)
        if refused is None:
            self._entry.open(request, self.adapters.digest_of(request.adapter))
        else:
            self._outbox.put(Broken(request.sequence, refused))

    def cancel(self, key: int) -> None:
        """See `TokenEngine`."""
        sequence = self._sequences.get(key)
        if sequence is None:
            self._entry.cancel(key)
        else:
            self._end(sequence)

    async def step(self) -> list[TokenEvent]:
        """See `TokenEngine`; the next step is being computed while the news of one is read."""
        self._begin()
        news = await self._outbox.take()
        if self._under_way is not None and self._under_way.done():
            self._finish(self._under_way.result())
            self._begin()
            news += self._outbox.take_at_once()
        return news

    def wake(self) -> None:
        """See `TokenEngine`."""
        self._outbox.ring()

    def stats(self) -> Stats:
        """See `TokenEngine`."""
        used = self._pool.num_blocks - self._pool.num_free
        return Stats(
            running=len(self._scheduler.running),
            waiting=len(self._scheduler.waiting) + len(self._entry),
            kv_used_tokens=used * self._pool.block_tokens,
            kv_total_tokens=self._pool.num_blocks * self._pool.block_tokens,
            resident_bytes=int(_STATM.read_text().split()[1]) * _PAGE_BYTES,
        )

    async def close(self) -> None:
        """See `TokenEngine`."""
        await self._entry.close()
        await self.adapters.close()
        if self._under_way is not None:
            await self._under_way
        await asyncio.to_thread(self._thread.shutdown)
        self._backend.close()

    def _adapters_in_use(self) -> set[str]:
        return {each.adapter for each in self._scheduler.running}

    def _note_adapter(self, digest: str, failed: Failed | None) -> None:
        """Go on with those that wait for an adapter, or tell them that it cannot be had."""
        if failed is not None:
            for sequence in [each for each in self._scheduler.waiting if each.adapter == digest]:
                self._end(sequence)
                self._outbox.put(Broken(sequence.number, failed.failure))
        self._outbox.ring()

    def _refusal(self, request: SequenceRequest) -> Failure | None:
        """Why a sequence cannot be taken at all."""
        if request.grammar is not None and request.ignore_eos:
            # Where the grammar ends, only an end token fits; without it any text would follow.
            return Failure(
                kind="invalid",
                param="ignore_eos",
                message="`ignore_eos` cannot be combined with a constraint.",
            )
        num_tokens = len(request.prompt) + request.max_tokens
        room = self._pool.num_blocks * self._pool.block_tokens
        if num_tokens > room:
            return Failure(
                kind="invalid",
                param="max_tokens",
                message=f"Prompt and answer can have {num_tokens} tokens; the cache of this engine "
                f"holds {room}. Ask for fewer, or set its option `cache_tokens` higher.",
            )
        if request.adapter and not self.adapters.digest_of(request.adapter):
            return _unloaded(request.adapter)
        if len(self._scheduler.waiting) + len(self._entry) >= self._max_waiting:
            return Failure(
                kind="unavailable",
                message=f"{self._max_waiting} requests wait for this engine already.",
                retry_after_s=1.0,
            )
        return None

    def _admit(self, sequence: Sequence) -> None:
        """Queue a sequence that is ready to be scheduled."""
        if not self.adapters.knows(sequence.adapter):
            self._outbox.put(Broken(sequence.number, _unloaded(sequence.request.adapter)))
            return
        self.adapters.hold(sequence.adapter)
        self._sequences[sequence.number] = sequence
        self._scheduler.add(sequence)
        self._outbox.ring()

    def _begin(self) -> None:
        """Have the next step computed, if there is one and none is under way."""
        if self._under_way is not None:
            return
        plan = self._planned()
        if plan.pieces:
            step, rows = assemble(plan.pieces, self._pool.block_tokens, self.adapters.place_of)
            self._under_way = asyncio.get_running_loop().run_in_executor(
                self._thread, self._compute, step, plan.pieces, rows
            )
            self._under_way.add_done_callback(lambda _: self._outbox.ring())

    def _finish(self, outcomes: list[tuple[Piece, Outcome]]) -> None:
        self._under_way = None
        for piece, outcome in outcomes:
            if not piece.sequence.is_over:
                self._take(piece, outcome)

    def _planned(self) -> Plan:
        plan = self._scheduler.plan(time.monotonic())
        for sequence in plan.expired:
            self._forget(sequence)
            self._reports.expired(sequence)
        for sequence, cached_tokens in plan.admitted:
            self._reports.admitted(sequence, cached_tokens)
        return plan

    def _compute(
        self, step: Step, pieces: list[Piece], rows: list[range]
    ) -> list[tuple[Piece, Outcome]]:
        logits = self._backend.forward(step)
        outcomes = draw_pieces(logits, pieces, rows, self._sampler, self._ends)
        return list(zip(pieces, outcomes, strict=True))

    def _take(self, piece: Piece, outcome: Outcome) -> None:
        sequence = piece.sequence
        sequence.tokens.extend(drawn.token for drawn in outcome.drawn)
        if sequence.lookup is not None and outcome.drawn:
            sequence.lookup.judge(len(piece.guesses), len(outcome.drawn) - 1)
            sequence.lookup.append([drawn.token for drawn in outcome.drawn])
        self._scheduler.computed(piece)
        self._reports.scored(sequence, piece.start, outcome.prompt_scores)
        end = self._reports.produced(sequence, outcome, self._ends)
        if end:
            self._end(sequence)

    def _end(self, sequence: Sequence) -> None:
        self._scheduler.remove(sequence)
        self._forget(sequence)

    def _forget(self, sequence: Sequence) -> None:
        del self._sequences[sequence.number]
        self.adapters.let_go(sequence.adapter)


def _unloaded(adapter: str) -> Failure:
    return Failure(kind="unavailable", param="model", message=f"{adapter} was unloaded.")
