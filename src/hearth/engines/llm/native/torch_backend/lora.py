"""Adapters of many sequences in one step (Hu et al., 2021; Sheng et al., 2023).

For each linear map the factors of all adapters are stacked, places x rank; smaller ranks are
filled up with zeros, which add nothing. Where the rows of each adapter are known, they are taken
out, multiplied and put back; rows of the base model are never touched. In a graph they are not
known, so all adapters are multiplied with all rows and what is not a row's own is masked: a few
hundred columns beside the thousands of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from hearth.engines.llm.native.architecture import Architecture, Site
from hearth.engines.llm.native.backend import AdapterWeights, LoraPair
from hearth.engines.llm.native.torch_backend.batch import Batch
from hearth.errors import SetupError

_RANK_MULTIPLE = 8


@dataclass(frozen=True, slots=True)
class _Stack:
    """All adapters of one linear map."""

    a: Tensor
    "(places, rank, columns)"
    b: Tensor
    "(places, rows, rank)"

    def holds(self, place: int, rank: int) -> bool:
        places, largest, _ = self.a.shape
        return place < places and rank <= largest

    def grown(self, places: int, rank: int) -> _Stack:
        had_places, had_rank, columns = self.a.shape
        places, rank = max(places, had_places), max(rank, had_rank)
        grown = _Stack(
            self.a.new_zeros(places, rank, columns),
            self.b.new_zeros(places, self.b.shape[1], rank),
        )
        grown.a[:had_places, :had_rank] = self.a
        grown.b[:had_places, :, :had_rank] = self.b
        return grown

    def clear(self, place: int) -> None:
        if place < len(self.a):
            self.a[place] = 0
            self.b[place] = 0

    def fill(self, place: int, pair: LoraPair) -> None:
        rank = len(pair.a)
        # Finite, for in `_masked` other rows multiply them by zero.
        self.a[place, :rank] = torch.from_numpy(pair.a.copy()).to(self.a).nan_to_num()
        self.b[place, :, :rank] = torch.from_numpy(pair.b.copy()).to(self.b).nan_to_num()


class Adapters:
    """Those that steps can name.

    Args:
        architecture: of the model, or of this process's share of it.
        places: how many to make room for at first; there is always room for more.
        like: a tensor of the model, on whose device and in whose type factors are kept.
    """

    def __init__(self, architecture: Architecture, *, places: int, like: Tensor) -> None:
        self._architecture = architecture
        self._places = places
        self._like = like
        self._stacks: dict[tuple[int, Site], _Stack] = {}
        self.version = 0
        "Changes when tensors are replaced, which graphs have the addresses of."

    @property
    def device(self) -> torch.device:
        """Where they are, and the model."""
        return self._like.device

    def put(self, place: int, weights: AdapterWeights) -> None:
        """See `Backend`.

        Raises:
            SetupError: a factor does not fit the model; what was at the place stays.
        """
        self._check(weights)
        self.drop(place)
        for key, pair in weights.items():
            self._stack(key, place, len(pair.a)).fill(place, pair)

    def drop(self, place: int) -> None:
        """See `Backend`."""
        for stack in self._stacks.values():
            stack.clear(place)

    def add(self, output: Tensor, inputs: Tensor, key: tuple[int, Site], batch: Batch) -> None:
        """Add to (T, rows), in place, what each token's adapter makes of (T, columns)."""
        stack = self._stacks.get(key)
        if stack is None or batch.adapter_rows == ():
            return
        if batch.adapter_rows is None:
            output += _masked(inputs, stack, batch.places)
            return
        for place, rows in batch.adapter_rows:
            if place < len(stack.a):
                output.index_add_(0, rows, inputs[rows] @ stack.a[place].T @ stack.b[place].T)

    def _stack(self, key: tuple[int, Site], place: int, rank: int) -> _Stack:
        stack = self._stacks.get(key)
        if stack is None:
            rows, columns = self._architecture.shape(key[1])
            empty = self._like.new_empty
            stack = _Stack(empty(0, 0, columns), empty(0, rows, 0))
        if not stack.holds(place, rank):
            padded = -(-rank // _RANK_MULTIPLE) * _RANK_MULTIPLE
            stack = stack.grown(max(self._places, place + 1), padded)
            self._stacks[key] = stack
            self.version += 1
        return stack

    def _check(self, weights: Mapping[tuple[int, Site], LoraPair]) -> None:
        for (layer, site), pair in weights.items():
            rows, columns = self._architecture.shape(site)
            rank = len(pair.a)
            is_layer = 0 <= layer < self._architecture.num_layers
            if not is_layer or pair.a.shape != (rank, columns) or pair.b.shape != (rows, rank):
                raise SetupError(
                    f"The adapter does not fit the model: {site} of layer {layer} is "
                    f"{(rows, columns)}, and the factors are {pair.b.shape} and {pair.a.shape}."
                )


def _masked(inputs: Tensor, stack: _Stack, places: Tensor) -> Tensor:
    num_places, rank, _ = stack.a.shape
    is_own = places[:, None] == torch.arange(num_places, device=places.device)
    narrow = (inputs @ stack.a.flatten(0, 1).T).reshape(-1, num_places, rank)
    own = narrow.masked_fill(~is_own[..., None], 0)
    return own.flatten(1) @ stack.b.transpose(0, 1).flatten(1).T
