"""Steps by hand: sequences that grow piece by piece, on blocks in no order at all."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import torch

from hearth.engines.llm.native.backend import NO_ADAPTER, Backend, Floats, Step
from hearth.engines.llm.native.torch_backend import build_torch_backend
from hearth.engines.llm.native_options import NativeOptions
from tests.engines.llm.native.tiny import Tiny

NUM_BLOCKS = 24


def build(model: Tiny, **options: object) -> Backend:
    """Load it as the engine would."""
    made = NativeOptions(**options)  # type: ignore[arg-type] # as a spec has them
    return build_torch_backend(model.weights, made, num_blocks=NUM_BLOCKS, threads=1)


def tokens(count: int, seed: int = 0) -> list[int]:
    """Some text."""
    return [int(token) for token in np.random.default_rng(seed).integers(0, 259, count)]


def expected(model: Tiny, ids: Sequence[int]) -> Floats:
    """What transformers gives after each token, (T, vocabulary)."""
    with torch.inference_mode():
        logits: Floats = model.model(torch.tensor([list(ids)])).logits[0].numpy()
    return logits


class Stepper:
    """Feeds a backend pieces of sequences, which are told apart by a number."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._free = random.Random(3).sample(range(backend.num_blocks), backend.num_blocks)
        self._blocks: dict[int, list[int]] = {}
        self._past: dict[int, int] = {}

    def step(self, pieces: dict[int, list[int]], adapters: dict[int, int] | None = None) -> Step:
        """Lay pieces end to end, and count them as computed."""
        past = [self._past.get(sequence, 0) for sequence in pieces]
        lengths = [len(piece) for piece in pieces.values()]
        for sequence, before, length in zip(pieces, past, lengths, strict=True):
            blocks = self._blocks.setdefault(sequence, [])
            while len(blocks) * self._backend.block_tokens < before + length:
                blocks.append(self._free.pop())
            self._past[sequence] = before + length
        held = [self._blocks[sequence] for sequence in pieces]
        return Step(
            token_ids=_ints([token for piece in pieces.values() for token in piece]),
            positions=_ints([b + i for b, n in zip(past, lengths, strict=True) for i in range(n)]),
            past_tokens=_ints(past),
            starts=_ints([0, *np.cumsum(lengths)]),
            block_ids=_ints([block for blocks in held for block in blocks]),
            block_starts=_ints([0, *np.cumsum([len(blocks) for blocks in held])]),
            logit_rows=_ints(range(sum(lengths))),
            adapters=_ints([(adapters or {}).get(s, NO_ADAPTER) for s in pieces]),
        )

    def feed(
        self, pieces: dict[int, list[int]], adapters: dict[int, int] | None = None
    ) -> dict[int, Floats]:
        """Compute a step; return the logits after every token, by sequence."""
        step = self.step(pieces, adapters)
        logits = self._backend.forward(step).copy()
        return dict(zip(pieces, np.split(logits, step.starts[1:-1]), strict=True))


def _ints(values: Sequence[int] | range) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(list(values), dtype=np.int32)
