"""Drives llama.cpp's server: our queue in front of its slots, its events as token events.

The server takes no more sequences than it has slots, so that a waiting request costs nothing to
cancel and its time in the queue is known.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from hearth.engines.engine import Failed
from hearth.engines.llm.llamacpp.generation import Generation, ModelFacts
from hearth.engines.llm.llamacpp.messages import adapter_scales
from hearth.engines.llm.llamacpp.slots import Slots
from hearth.engines.llm.llamacpp.token_bytes import TokenBytes
from hearth.engines.llm.llamacpp.tokenizing import Tokenizing
from hearth.engines.llm.outbox import Outbox
from hearth.engines.llm.types import Broken, Produced, SequenceRequest, TokenEvent
from hearth.engines.protocol import Failure, Hello, Sampling, Stats

# The server writes the tokens of one step to one connection after the other, spread over a
# millisecond or two.
_GATHER_S = 0.002
_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Server(Protocol):
    """A running llama.cpp server."""

    @property
    def socket_path(self) -> str:
        """Where it listens."""
        ...

    def close(self) -> None:
        """Stop it; takes a while."""
        ...


class LlamaRunner:
    """Implements `TokenEngine`.

    Args:
        server: closed with this runner.
        hello: of the engine; says how many slots and which window there are.
        pieces: bytes of every token id.
        bos: text of the leading token, where the model wants one.
        tags: see `Tokenizing`.
    """

    def __init__(
        self,
        server: Server,
        hello: Hello,
        *,
        pieces: Sequence[bytes],
        bos: str,
        tags: Sequence[str] = (),
    ) -> None:
        self._server = server
        self._hello = hello
        self._vocabulary_size = len(pieces)
        self._about = ModelFacts(
            window=hello.context_tokens,
            tokens=TokenBytes(pieces),
            scales=adapter_scales([each.name for each in hello.adapters]),
        )
        self._slots = Slots(hello.max_batch)
        self._waiting: dict[int, SequenceRequest] = {}
        self._running: dict[int, Generation] = {}
        self._generating: set[int] = set()
        "Of the running, those that have produced a token."
        self._outbox: Outbox[TokenEvent] = Outbox(patience_s=_GATHER_S)
        self._tokenizing = Tokenizing(server.socket_path, self._outbox.put, bos=bos, tags=tags)

    @property
    def vocabulary_size(self) -> int:
        """See `TokenEngine`."""
        return self._vocabulary_size

    def hello(self) -> Hello:
        """See `TokenEngine`."""
        return self._hello

    def check(self, sampling: Sampling) -> None:
        """See `TokenEngine`; mirostat takes the place of all other samplers of llama.cpp."""
        if sampling.mirostat_target is None:
            if sampling.mirostat_lr is not None:
                raise _refused("`mirostat_lr` needs `mirostat_target`.", "mirostat_lr")
            return
        alone = Sampling(
            temperature=sampling.temperature,
            mirostat_target=sampling.mirostat_target,
            mirostat_lr=sampling.mirostat_lr,
            logit_bias=sampling.logit_bias,
        )
        for field in Sampling.__struct_fields__:
            if getattr(sampling, field) != getattr(alone, field):
                raise _refused(
                    f"The engine of this model cannot combine `mirostat_target` with `{field}`.",
                    field,
                )

    def tokenize(self, key: int, text: str, *, special: bool = True, start: bool = True) -> None:
        """See `TokenEngine`."""
        self._tokenizing.add(key, text, special=special, start=start)

    def add(self, request: SequenceRequest) -> None:
        """See `TokenEngine`."""
        if request.grammar is not None and request.ignore_eos:
            # Where the grammar ends, only the end token fits; without it any text would follow.
            refused = _refused("`ignore_eos` cannot be combined with a constraint.", "ignore_eos")
            self._outbox.put(Broken(request.sequence, refused.failure))
            return
        self._waiting[request.sequence] = request
        self._admit()

    def cancel(self, key: int) -> None:
        """See `TokenEngine`."""
        if self._waiting.pop(key, None) is not None:
            return
        generation = self._running.pop(key, None)
        if generation is None:
            self._tokenizing.cancel(key)
        else:
            generation.close()
            self._free(key, generation)

    async def step(self) -> Sequence[TokenEvent]:
        """See `TokenEngine`."""
        return await self._outbox.take()

    def wake(self) -> None:
        """See `TokenEngine`."""
        self._outbox.ring()

    def stats(self) -> Stats:
        """See `TokenEngine`."""
        return Stats(
            running=len(self._running),
            waiting=len(self._waiting),
            kv_used_tokens=sum(generation.num_tokens for generation in self._running.values()),
            kv_total_tokens=self._hello.max_batch * self._hello.context_tokens,
            resident_bytes=int(_STATM.read_text().split()[1]) * _PAGE_BYTES,
        )

    async def close(self) -> None:
        """See `TokenEngine`."""
        self._waiting.clear()
        self._tokenizing.close()
        for generation in self._running.values():
            generation.close()
        self._running.clear()
        await asyncio.to_thread(self._server.close)

    def _admit(self) -> None:
        while self._waiting and self._slots.any_free:
            request = self._waiting.pop(next(iter(self._waiting)))
            placing = self._slots.place(
                request.prompt,
                (request.adapter, request.cache_group),
                use_cache=request.use_cache,
            )
            self._running[request.sequence] = Generation(
                self._server.socket_path, request, placing, about=self._about, tell=self._take
            )

    def _take(self, event: TokenEvent) -> None:
        if type(event) is Produced and event.end is None:
            self._gather(event)
            return
        self._outbox.put(event)
        if type(event) is Produced:
            self._release(event.sequence)
        elif type(event) is Broken:
            self._release(event.key)

    def _gather(self, event: Produced) -> None:
        """Let the tokens of one step leave together; a first token waits for no other."""
        is_first = event.sequence not in self._generating
        self._generating.add(event.sequence)
        if is_first or len(self._outbox) + 1 >= len(self._generating):
            self._outbox.put(event)
        else:
            self._outbox.put_patiently(event)

    def _release(self, sequence: int) -> None:
        self._free(sequence, self._running.pop(sequence))

    def _free(self, sequence: int, generation: Generation) -> None:
        self._generating.discard(sequence)
        self._slots.release(generation.slot, was_filled=generation.is_admitted)
        self._admit()


def _refused(message: str, param: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=param))
