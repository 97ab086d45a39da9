"""Decode steps recorded once and replayed, since launching a model's kernels takes the CPU longer
than a GPU needs to run them.

A step of one token a sequence is padded up to a size that was recorded. Padding is a sequence like
any other, of token 0 at position 0, whose keys and values go to a scratch block nobody owns. Only
`CudaRecorder` needs a GPU, and has not been run on one; tests record with a plain function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hearth.engines.llm.native.backend import NO_ADAPTER, Ints, Step
from hearth.engines.llm.native.torch_backend.batch import (
    Batch,
    blocks_needed,
    make_decode_batch,
    width_of,
)
from hearth.engines.llm.native.torch_backend.build import BLOCK_TOKENS
from hearth.engines.llm.native.torch_backend.lora import Adapters

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_FREE_BLOCKS = 64  # of padding: less than a step's launches take
_MAX_WASTE = 3  # times what is needed; beyond it, groups of like context read less

Replay = Callable[[], Tensor]
Capture = Callable[[Replay], Replay]
"Records a function of tensors that stay where they are; what it returns computes it again."


@dataclass(frozen=True, slots=True)
class _Recording:
    inputs: Batch
    replay: Replay


class DecodeGraphs:
    """The steps that were recorded.

    Args:
        forward: the model.
        adapters: of the model; when their tensors move, all is recorded anew.
        capture: see `Capture`.
        scratch_block: the block nobody owns.
        reads_padding: attention reads what pads the block tables, so it is kept within bounds.
    """

    def __init__(
        self,
        forward: Callable[[Batch], Tensor],
        adapters: Adapters,
        capture: Capture,
        *,
        scratch_block: int,
        reads_padding: bool,
    ) -> None:
        self._forward = forward
        self._adapters = adapters
        self._capture = capture
        self._scratch_block = scratch_block
        self._reads_padding = reads_padding
        self._recordings: dict[tuple[int, int, bool], _Recording] = {}
        self._version = adapters.version

    def run(self, step: Step) -> Tensor | None:
        """Compute a step, (R, vocabulary); None: it is not one to replay."""
        num_sequences = len(step.adapters)
        is_decode = num_sequences == len(step.token_ids) <= SIZES[-1]
        if not is_decode or (np.diff(step.starts) != 1).any():
            return None
        size = next(size for size in SIZES if size >= num_sequences)
        needed = blocks_needed(step, BLOCK_TOKENS)
        width = int(width_of(needed).max())
        if self._reads_padding and size * width > _MAX_WASTE * needed.sum() + _FREE_BLOCKS:
            return None
        return self._replay(padded(step, size, self._scratch_block), width)[_rows(step)]

    def _replay(self, step: Step, width: int) -> Tensor:
        batch = make_decode_batch(
            step, width=width, block_tokens=BLOCK_TOKENS, scratch_block=self._scratch_block
        )
        if self._adapters.version != self._version:
            self._recordings.clear()
            self._version = self._adapters.version
        key = (len(step.adapters), width, batch.adapter_rows is None)
        recording = self._recordings.get(key)
        if recording is None:
            recording = self._recordings[key] = self._record(batch)
        else:
            recording.inputs.copy_from(batch)
        return recording.replay()

    def _record(self, batch: Batch) -> _Recording:
        inputs = batch.to(self._adapters.device).clone()  # numpy may own what it was made of
        return _Recording(inputs, self._capture(lambda: self._forward(inputs)))


def padded(step: Step, size: int, scratch_block: int) -> Step:
    """Add sequences to a decode step until there are `size`; logits come for all of them."""
    count = size - len(step.adapters)

    def fill(values: Ints, value: int) -> Ints:
        return np.concatenate([values, np.full(count, value, np.int32)])

    more_blocks = step.block_starts[-1] + np.arange(1, count + 1, dtype=np.int32)
    every = np.arange(size + 1, dtype=np.int32)
    return Step(
        token_ids=fill(step.token_ids, 0),
        positions=fill(step.positions, 0),
        past_tokens=fill(step.past_tokens, 0),
        starts=every,
        block_ids=fill(step.block_ids, scratch_block),
        block_starts=np.concatenate([step.block_starts, more_blocks]),
        logit_rows=every[:-1],
        adapters=fill(step.adapters, NO_ADAPTER),
    )


class CudaRecorder:
    """Records CUDA graphs, which share memory: what one returns is good until the next replay."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, compute: Replay) -> Replay:
        """See `Capture`; the function runs a few times before, which must do no harm."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(2):  # libraries set themselves up, which cannot be recorded
                compute()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            output = compute()

        def replay() -> Tensor:
            graph.replay()
            return output

        return replay


def _rows(step: Step) -> slice | Tensor:
    count = len(step.logit_rows)
    if count == len(step.adapters):
        return slice(count)
    return torch.from_numpy(step.logit_rows.astype(np.int64))
