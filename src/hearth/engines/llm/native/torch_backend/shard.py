"""What one process of several holds of a model, and how they put it together again.

Tensor parallelism after Megatron (Shoeybi et al., 2019): queries, keys, values, gate and up are
cut by rows, o and down by columns and their outputs summed, the head by words. Each process works
on whole heads, and caches the keys and values of its own.
"""

from __future__ import annotations

import msgspec
import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional

from hearth.engines.llm.native.architecture import Architecture, Site
from hearth.engines.llm.native.backend import AdapterWeights, Floats, LoraPair
from hearth.errors import SetupError

_CUT_BY_COLUMNS: frozenset[str] = frozenset({"o", "down"})
_CUT_BY_ROWS: frozenset[str] = frozenset({"q", "k", "v", "gate", "up"})


class Shard(msgspec.Struct, frozen=True):
    """One process's share; alone, it is everything."""

    rank: int = 0
    world: int = 1

    def local(self, architecture: Architecture) -> Architecture:
        """What the share looks like as a model.

        Raises:
            SetupError: heads or the MLP cannot be divided.
        """
        sizes = {
            name: getattr(architecture, name)
            for name in ("num_heads", "num_kv_heads", "intermediate_size")
        }
        for name, size in sizes.items():
            if size % self.world:
                raise SetupError(
                    f"The model's {name} of {size} cannot be divided among {self.world} GPUs: "
                    "set `tensor_parallel` to a number that divides it."
                )
        shares = {name: size // self.world for name, size in sizes.items()}
        return msgspec.structs.replace(architecture, **shares)

    def cut(self, name: str, tensor: Floats) -> Floats:
        """Take the share of a tensor, by its name among `Architecture.tensor_shapes`."""
        site, _, kind = name.removeprefix("layers.").partition(".")[2].partition(".")
        if name == "head" or site in _CUT_BY_ROWS:
            return np.array_split(tensor, self.world)[self.rank]
        if site not in _CUT_BY_COLUMNS:
            return tensor
        if kind == "bias":  # it is added once, to the sum
            return tensor if self.rank == 0 else np.zeros_like(tensor)
        return np.array_split(tensor, self.world, axis=1)[self.rank]

    def cut_adapter(self, weights: AdapterWeights) -> AdapterWeights:
        """Take the share of an adapter; its updates are cut as the weights are."""
        return {key: self._cut_pair(key[1], pair) for key, pair in weights.items()}

    def sum(self, partial: Tensor) -> Tensor:
        """Add up what all processes have."""
        if self.world > 1:
            dist.all_reduce(partial)
        return partial

    def gather(self, logits: Tensor, vocabulary_size: int) -> Tensor:
        """Put the words' logits of all processes side by side, (R, vocabulary), on the first."""
        if self.world == 1:
            return logits
        widths = [len(part) for part in np.array_split(np.arange(vocabulary_size), self.world)]
        padded = functional.pad(logits, (0, widths[0] - widths[self.rank])).contiguous()
        parts = [torch.empty_like(padded) for _ in widths] if self.rank == 0 else None
        dist.gather(padded, parts)
        if parts is None:
            return logits
        return torch.cat([p[:, :width] for p, width in zip(parts, widths, strict=True)], dim=1)

    def _cut_pair(self, site: Site, pair: LoraPair) -> LoraPair:
        if self.world == 1:
            return pair
        if site in _CUT_BY_ROWS:
            return LoraPair(a=pair.a, b=np.array_split(pair.b, self.world)[self.rank])
        return LoraPair(a=np.array_split(pair.a, self.world, axis=1)[self.rank], b=pair.b)
