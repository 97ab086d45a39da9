"""The matrices of adapters as the graph takes them: hot ones side by side in one block of memory.

A batched product reads its adapters one after the other, so those of a pass must be neighbours.
Each is copied there when a pass first needs it, and stays until others need its room; those of a
pass are the first, or one alone anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import AdapterWeights
from hearth.engines.llm.native.openvino_backend.linear import bf16_bits
from hearth.engines.llm.native.openvino_backend.sites import FusedSite, fused_sites

Array = NDArray[np.uint16 | np.float32]

_RANK_STEP = 8
_LEAST_ROOM = 2  # adapters beside those of a step, so that one more does not move all
_PATIENCE = 64  # steps that multiply zeros because a rank was wider once, before all are moved


@dataclass(frozen=True, slots=True)
class Packed:
    """One adapter, by name of the graph's input."""

    rank: int
    matrices: dict[str, Array]
    "(members, columns, rank) and (pieces, rank, width)"


class AdapterPool:
    """All adapters of a backend, and the hot ones among them.

    Args:
        kind: of the matrices, float32 or bfloat16.
    """

    def __init__(self, architecture: Architecture, kind: ov.Type) -> None:
        self._architecture = architecture
        self._sites = fused_sites(architecture)
        self._is_exact = kind == ov.Type.f32
        self._dtype: type[np.float32 | np.uint16] = np.float32 if self._is_exact else np.uint16
        self._kind = kind
        self._packed: dict[int, Packed] = {}
        self._hot: list[int] = []
        self._rank = 0
        self._num_wider = 0
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
            position = self._hot.index(place)
            last = self._hot.pop()
            if position < len(self._hot):
                self._set(position, last)

    def arranged(self, places: Sequence[int]) -> tuple[dict[int, int], dict[str, ov.Tensor]]:
        """Make these adapters neighbours.

        Returns:
            The number of the group of each, and the graph's inputs: matrices of all groups.
        """
        rank = self._rank_of(places)
        self._num_wider = self._num_wider + 1 if rank < self._rank else 0
        if rank > self._rank or len(places) > self._capacity or self._num_wider > _PATIENCE:
            self._rebuild(places)
        if len(places) == 1:
            return {places[0]: 0}, self._views(self._position_of(places[0]), 1)
        self._bring_to_front(places)
        return {place: n for n, place in enumerate(self._hot[: len(places)])}, self._views(
            0, len(places)
        )

    def _position_of(self, place: int) -> int:
        """Where an adapter is, after it was put behind the others if need be."""
        if place in self._hot:
            return self._hot.index(place)
        if len(self._hot) < self._capacity:
            self._hot.append(place)
        position = len(self._hot) - 1
        self._set(position, place)
        return position

    def _bring_to_front(self, places: Sequence[int]) -> None:
        """Make these the first; those that were there go behind them while there is room."""
        wanted = set(places)
        front = len(places)
        coming = [place for place in places if place not in self._hot[:front]]
        for position in range(front):
            if position == len(self._hot):
                self._hot.append(coming[-1])
            elif self._hot[position] in wanted:
                continue
            place, gone = coming.pop(), self._hot[position]
            if place in self._hot[front:]:
                self._set(self._hot.index(place, front), gone)
            elif gone not in wanted and front <= len(self._hot) < self._capacity:
                self._hot.append(gone)
                self._set(len(self._hot) - 1, gone)
            self._set(position, place)

    def _set(self, position: int, place: int) -> None:
        self._hot[position] = place
        self._copy(place, position)

    def _rebuild(self, places: Sequence[int]) -> None:
        """Begin anew with room for these."""
        self._tensors.clear()
        self._rank = self._rank_of(places)
        self._num_wider = 0
        room = len(places) + max(_LEAST_ROOM, len(places) // 4)
        self._capacity = max(len(places), min(room, len(self._packed)))
        shapes = self._shapes(self._rank, count=self._capacity)
        self._blocks = {name: np.zeros(shape, self._dtype) for name, shape in shapes.items()}
        self._hot = list(places)
        for position, place in enumerate(self._hot):
            self._copy(place, position)

    def _copy(self, place: int, position: int) -> None:
        packed = self._packed[place]
        for name, matrix in packed.matrices.items():
            there = self._blocks[name][position * len(matrix) : (position + 1) * len(matrix)]
            if packed.rank < self._rank:
                there[:] = 0
            there[:, : matrix.shape[1], : matrix.shape[2]] = matrix

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
        """Lay an adapter out in one block of memory, which goes back whole when it is dropped."""
        rank = max(len(pair.a) for pair in weights.values())
        shapes = self._shapes(rank)
        block = np.empty(sum(map(prod, shapes.values())), self._dtype)
        ends = accumulate(map(prod, shapes.values()))
        parts = np.split(block, list(ends)[:-1])
        views = {
            name: part.reshape(shape)
            for (name, shape), part in zip(shapes.items(), parts, strict=True)
        }
        for layer in range(self._architecture.num_layers):
            for site in self._sites:
                first, second = _names(layer, site)
                views[first][:], views[second][:] = self._pack_site(weights, layer, site, rank)
        return Packed(rank, views)

    def _shapes(self, rank: int, *, count: int = 1) -> dict[str, tuple[int, int, int]]:
        """Of the matrices of so many adapters, by the names of the graph's inputs."""
        shapes = {}
        for layer in range(self._architecture.num_layers):
            for site in self._sites:
                first, second = _names(layer, site)
                shapes[first] = (count * len(site.members), site.columns, rank)
                shapes[second] = (count * site.num_pieces, rank, site.width)
        return shapes

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
