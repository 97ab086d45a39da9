"""The matrices of adapters as the graph takes them: hot ones side by side in one block of memory.

A batched product reads its adapters one after the other, so those of a step must be neighbours.
Each is copied there when a step first needs it and stays while steps do; one that is gone is
replaced by the last, so that the hot ones are always the first ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import AdapterWeights
from hearth.engines.llm.native.openvino_backend.linear import bf16_bits
from hearth.engines.llm.native.openvino_backend.sites import FusedSite, fused_sites

Array = NDArray[np.uint16 | np.float32]

_RANK_STEP = 8


@dataclass(frozen=True, slots=True)
class Packed:
    """One adapter, by name of the graph's input."""

    rank: int
    first: dict[str, Array]
    "(members, columns, rank)"
    second: dict[str, Array]
    "(pieces, rank, width)"


class AdapterPool:
    """All adapters of a backend, and the hot ones among them.

    Args:
        kind: of the matrices, float32 or bfloat16.
    """

    def __init__(self, architecture: Architecture, kind: ov.Type) -> None:
        self._architecture = architecture
        self._sites = fused_sites(architecture)
        self._is_exact = kind == ov.Type.f32
        self._kind = kind
        self._packed: dict[int, Packed] = {}
        self._hot: list[int] = []
        self._rank = 0
        self._capacity = 0
        self._blocks: dict[str, Array] = {}
        self._tensors: dict[tuple[int, int], dict[str, ov.Tensor]] = {}

    def put(self, place: int, weights: AdapterWeights) -> None:
        """Take an adapter in the place of whatever was there."""
        self.drop(place)
        self._packed[place] = self._pack(weights)

    def drop(self, place: int) -> None:
        """Forget an adapter."""
        self._packed.pop(place, None)
        if place in self._hot:
            self._hot.remove(place)
            self._rebuild(self._hot)

    def arranged(self, places: Sequence[int]) -> tuple[dict[int, int], dict[str, ov.Tensor]]:
        """Make these adapters hot.

        Returns:
            The number of the group of each, and the graph's inputs: matrices of all groups.
        """
        if len(places) == 1 and places[0] in self._hot:
            return {places[0]: 0}, self._views(self._hot.index(places[0]), 1)
        if set(places) != set(self._hot):
            self._warm(places)
        return {place: n for n, place in enumerate(self._hot)}, self._views(0, len(self._hot))

    def _warm(self, places: Sequence[int]) -> None:
        rank = self._rank_of(places)
        if rank != self._rank or len(places) > self._capacity:
            self._rebuild(places)
            return
        wanted = set(places)
        for position in reversed(range(len(self._hot))):
            if self._hot[position] not in wanted:
                last = self._hot.pop()
                if position < len(self._hot):
                    self._hot[position] = last
                    self._copy(last, position)
        for place in places:
            if place not in self._hot:
                self._copy(place, len(self._hot))
                self._hot.append(place)

    def _rebuild(self, places: Sequence[int]) -> None:
        """Begin anew with room for these."""
        self._tensors.clear()
        self._rank = self._rank_of(places)
        self._capacity = max(len(places), min(2 * len(places), len(self._packed)))
        dtype: type[np.float32 | np.uint16] = np.float32 if self._is_exact else np.uint16
        self._blocks = {}
        for layer in range(self._architecture.num_layers):
            for site in self._sites:
                first, second = _names(layer, site)
                a = (self._capacity * len(site.members), site.columns, self._rank)
                b = (self._capacity * site.num_pieces, self._rank, site.width)
                self._blocks[first] = np.zeros(a, dtype)
                self._blocks[second] = np.zeros(b, dtype)
        self._hot = list(places)
        for position, place in enumerate(self._hot):
            self._copy(place, position)

    def _copy(self, place: int, position: int) -> None:
        packed = self._packed[place]
        for name, a in packed.first.items():
            there = self._blocks[name][position * len(a) : (position + 1) * len(a)]
            there[:, :, : packed.rank] = a
            there[:, :, packed.rank :] = 0
        for name, b in packed.second.items():
            there = self._blocks[name][position * len(b) : (position + 1) * len(b)]
            there[:, : packed.rank] = b
            there[:, packed.rank :] = 0

    def _views(self, start: int, count: int) -> dict[str, ov.Tensor]:
        """Tensors over neighbours of the pool; they see what is copied there later."""
        if (start, count) not in self._tensors:
            self._tensors[start, count] = {
                name: self._view(block, start, count) for name, block in self._blocks.items()
            }
        return self._tensors[start, count]

    def _view(self, block: Array, start: int, count: int) -> ov.Tensor:
        per_adapter = len(block) // self._capacity
        part = block[start * per_adapter : (start + count) * per_adapter]
        return ov.Tensor(part, ov.Shape(list(part.shape)), self._kind)

    def _rank_of(self, places: Sequence[int]) -> int:
        """The longest rank among them, in steps so that few sizes occur."""
        longest = max((self._packed[place].rank for place in places), default=0)
        return -(-longest // _RANK_STEP) * _RANK_STEP

    def _pack(self, weights: AdapterWeights) -> Packed:
        rank = max(len(pair.a) for pair in weights.values())
        packed = Packed(rank, {}, {})
        for layer in range(self._architecture.num_layers):
            for site in self._sites:
                first, second = _names(layer, site)
                packed.first[first], packed.second[second] = self._pack_site(
                    weights, layer, site, rank
                )
        return packed

    def _pack_site(
        self, weights: AdapterWeights, layer: int, site: FusedSite, rank: int
    ) -> tuple[Array, Array]:
        a = np.zeros((len(site.members), site.columns, rank), np.float32)
        b = np.zeros((site.num_pieces, rank, site.width), np.float32)
        pieces = np.asarray(site.piece_members)
        for number, member in enumerate(site.members):
            pair = weights.get((layer, member))
            if pair is None:
                continue
            own = len(pair.a)
            a[number, :, :own] = pair.a.T
            b[pieces == number, :own] = pair.b.T.reshape(own, -1, site.width).swapaxes(0, 1)
        return (a, b) if self._is_exact else (bf16_bits(a), bf16_bits(b))


def _names(layer: int, site: FusedSite) -> tuple[str, str]:
    return f"a.{layer}.{site.name}", f"b.{layer}.{site.name}"
