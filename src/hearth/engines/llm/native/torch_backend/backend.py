"""`Backend` over torch, on one device."""

from __future__ import annotations

import torch
from torch import Tensor

from hearth.engines.llm.native.backend import AdapterWeights, Floats, Step
from hearth.engines.llm.native.torch_backend.batch import make_batch
from hearth.engines.llm.native.torch_backend.build import BLOCK_TOKENS
from hearth.engines.llm.native.torch_backend.cuda_graphs import DecodeGraphs
from hearth.engines.llm.native.torch_backend.lora import Adapters
from hearth.engines.llm.native.torch_backend.model import Transformer


class TorchBackend:
    """A model, or one process's share of it.

    Args:
        model: the model.
        adapters: those that the model looks at.
        device: where both are.
        num_blocks: of the cache, without the scratch block, which is the one after the last.
        graphs: replays decode steps; None: every step is launched anew.
    """

    def __init__(
        self,
        model: Transformer,
        adapters: Adapters,
        *,
        device: torch.device,
        num_blocks: int,
        graphs: DecodeGraphs | None,
    ) -> None:
        self._model: Transformer | None = model
        self._adapters: Adapters | None = adapters
        self._graphs = graphs
        self._device = device
        self._num_blocks = num_blocks
        self._on_host = torch.empty(0)

    @property
    def block_tokens(self) -> int:
        """See `Backend`."""
        return BLOCK_TOKENS

    @property
    def num_blocks(self) -> int:
        """See `Backend`."""
        return self._num_blocks

    def forward(self, step: Step) -> Floats:
        """See `Backend`."""
        logits = self._to_host(self.compute(step))
        array: Floats = logits.numpy()
        return array

    @torch.inference_mode()
    def compute(self, step: Step) -> Tensor:
        """Like `forward`, and leave the logits where they are."""
        assert self._model is not None
        replayed = self._graphs.run(step) if self._graphs else None
        if replayed is not None:
            return replayed
        batch = make_batch(step, block_tokens=BLOCK_TOKENS, scratch_block=self._num_blocks)
        return self._model.forward(batch.to(self._device))

    def prepare_adapters(self) -> None:
        """See `Backend`; there is nothing to do."""

    @torch.inference_mode()
    def put_adapter(self, place: int, weights: AdapterWeights) -> None:
        """See `Backend`.

        Raises:
            SetupError: it does not fit the model; what was at the place stays.
        """
        assert self._adapters is not None
        self._adapters.put(place, weights)

    @torch.inference_mode()
    def drop_adapter(self, place: int) -> None:
        """See `Backend`."""
        assert self._adapters is not None
        self._adapters.drop(place)

    def _to_host(self, logits: Tensor) -> Tensor:
        """Into memory the GPU can write to by itself: 256 rows of words are 130 MB and more."""
        if not logits.is_cuda:
            return logits
        if self._on_host.numel() < logits.numel():
            self._on_host = torch.empty(logits.numel(), pin_memory=True)
        return self._on_host[: logits.numel()].view_as(logits).copy_(logits)

    def close(self) -> None:
        """See `Backend`."""
        self._model = self._adapters = self._graphs = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
