"""Answers kept for the next request that asks exactly the same.

Only requests that ask for it, only where the answer is determined (temperature 0 or a seed of the
caller's), and only within one account: the key covers the whole worker request, its cache group,
the weights and engine that answered. What is kept is what the worker said, so that a stream can be
answered from a whole answer and the other way round.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

import msgspec
from msgspec import Struct

from hearth.engines.protocol import Delta, EmbedRequest, GenerateRequest, Hello, Usage

REPLICA_ID = "response-cache"
"Who answered, in the ledger: the price book may price a repeated answer as it likes."

_pack = msgspec.msgpack.Encoder(order="deterministic").encode
_deltas = msgspec.msgpack.Decoder(list[Delta])


class _Kept(Struct, frozen=True):
    packed: bytes
    expires_s: float


class ResponseCache:
    """The newest answers, up to a size; what was used least recently goes first.

    Args:
        max_bytes: of all answers together; 0 keeps none.
        clock: monotonic seconds.
    """

    def __init__(self, max_bytes: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._num_bytes = 0

    @property
    def num_bytes(self) -> int:
        """The size of what is kept."""
        return self._num_bytes

    def find(self, key: bytes) -> list[Delta] | None:
        """The deltas of an answer that has not expired; the caller may change them."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.expires_s <= self._clock():
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        deltas = _deltas.decode(kept.packed)
        deltas[-1].usage = _repeated(deltas[-1].usage)
        return deltas

    def keep(self, key: bytes, deltas: list[Delta], *, ttl_s: float) -> None:
        """Keep the deltas of a finished answer."""
        packed = _pack(deltas)
        if len(packed) > self._max_bytes:
            return
        if key in self._kept:
            self._forget(key)
        self._kept[key] = _Kept(packed, self._clock() + ttl_s)
        self._num_bytes += len(packed)
        while self._num_bytes > self._max_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: bytes) -> None:
        self._num_bytes -= len(self._kept.pop(key).packed)


def _repeated(usage: Usage | None) -> Usage | None:
    """The account of an answer that was not computed again."""
    if usage is None:
        return None
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        queue_s=0.0,
        prefill_s=0.0,
        decode_s=0.0,
        reasoning_tokens=usage.reasoning_tokens,
        adapter_digest=usage.adapter_digest,
    )


def key_of(request: GenerateRequest | EmbedRequest, hello: Hello) -> bytes:
    """What identifies an answer: the canonical request and the weights that answer it."""
    adapter = ""
    if isinstance(request, GenerateRequest):
        if request.sampling.temperature == 0.0:  # a seed is drawn for every request, and unused
            request = msgspec.structs.replace(request, seed=0)
        request = msgspec.structs.replace(request, priority=0)
        adapter = hello.digest_of(request.adapter)
    weights = (hello.model, hello.fingerprint, adapter)
    return blake2b(_pack((weights, request)), digest_size=32).digest()
