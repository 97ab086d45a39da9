"""Steps of given sizes, and how long they take.

The cache is taken as it is: what attention costs does not depend on what it reads.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.gpu.roofline import finish
from hearth.engines.llm.native.backend import NO_ADAPTER, Backend, Ints, Step
from hearth.engines.llm.native.torch_backend import BLOCK_TOKENS
from hearth.engines.llm.native.torch_backend.backend import TorchBackend


def decode_step(streams: int, past: int) -> Step:
    """One token each for streams that have `past` tokens in the cache."""
    return _step(_ints(np.full(streams, 1)), past, logit_rows=_ints(np.arange(streams)))


def prefill_step(length: int, past: int) -> Step:
    """A piece of one prompt, and the logits after it."""
    return _step(_ints([length]), past, logit_rows=_ints([length - 1]))


def blocks_for(streams: int, tokens: int) -> int:
    """Blocks of the cache that hold streams of so many tokens."""
    return streams * -(-tokens // BLOCK_TOKENS)


def seconds(backend: Backend, steps: list[Step], device: torch.device) -> tuple[float, float]:
    """Median times of a step: with the logits in the host's memory, and without."""
    assert isinstance(backend, TorchBackend)
    warm_up = steps[:2]
    return (
        _median(backend.forward, warm_up + steps, device, skip=len(warm_up)),
        _median(backend.compute, warm_up + steps, device, skip=len(warm_up)),
    )


def _median(
    run: Callable[[Step], object], steps: list[Step], device: torch.device, *, skip: int
) -> float:
    times = []
    for step in steps:
        finish(device)
        start = time.perf_counter()
        run(step)
        finish(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[skip:])


def _step(lengths: Ints, past: int, logit_rows: Ints) -> Step:
    streams, starts = len(lengths), np.concatenate([[0], np.cumsum(lengths)])
    blocks = blocks_for(1, past + int(lengths[0]))
    total = int(starts[-1])
    return Step(
        token_ids=_ints(np.random.default_rng(past).integers(0, 500, total)),
        positions=_ints(np.concatenate([past + np.arange(length) for length in lengths])),
        past_tokens=_ints(np.full(streams, past)),
        starts=_ints(starts),
        block_ids=_ints(np.arange(streams * blocks)),
        block_starts=_ints(np.arange(streams + 1) * blocks),
        logit_rows=logit_rows,
        adapters=_ints(np.full(streams, NO_ADAPTER)),
    )


def _ints(values: object) -> Ints:
    return np.asarray(values, dtype=np.int32)
