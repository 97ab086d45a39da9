"""Adapters inside the graph: a grouped product of low rank beside each linear map.

The tokens of a step are gathered into groups, one for each adapter, all as long as the longest;
each group is multiplied by its own two matrices in one batched product (as in Punica; Chen et al.,
2023, and S-LoRA; Sheng et al., 2023), and the results are gathered back to their tokens. Tokens
without an adapter look up a row that is not there, which is zero.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
import openvino.opset15 as op

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.openvino_backend.ops import (
    Node,
    constant,
    gather_rows,
    parameter,
    reshape,
)
from hearth.engines.llm.native.openvino_backend.sites import FusedSite, fused_sites


class LoraGraph:
    """The inputs for adapters of one graph, and what is computed with them.

    `rows.N` (groups * N * longest) names the token of each row, every group N times over; `back.N`
    (tokens * N) names the row of each token's piece; `pick.NAME` (groups * pieces) names for each
    piece which product of the first matrices it goes on from.

    Args:
        kind: of the matrices.
    """

    def __init__(self, architecture: Architecture, kind: ov.Type) -> None:
        self._kind = kind
        self._nodes: dict[str, Node] = {}
        self._shapes: dict[tuple[str, int], Node] = {}
        for site in fused_sites(architecture):
            self._index(f"rows.{len(site.members)}")
            self._index(f"back.{site.num_pieces}")
            if site.num_pieces != len(site.members):
                self._index(f"pick.{site.name}")

    @property
    def parameters(self) -> list[Node]:
        """All inputs declared so far."""
        return list(self._nodes.values())

    def added(self, x: Node, y: Node, layer: int, site: FusedSite) -> Node:
        """The output `y` of a fused map of `x`, with what adapters add to it."""
        num_members, num_pieces = len(site.members), site.num_pieces
        first = self._matrix(f"a.{layer}.{site.name}", site.columns, None)
        second = self._matrix(f"b.{layer}.{site.name}", None, site.width)
        rows = gather_rows(x, self._nodes[f"rows.{num_members}"])
        grouped = op.reshape(rows, self._grouped(first, site), False)
        low = op.matmul(grouped, first, False, False)
        if num_pieces != num_members:
            low = gather_rows(low, self._nodes[f"pick.{site.name}"])
        update = reshape(op.matmul(low, second, False, False), -1, site.width)
        update = gather_rows(update, self._nodes[f"back.{num_pieces}"])
        if num_pieces > 1:
            update = reshape(update, -1, num_pieces * site.width)
        return op.add(y, update)

    def _index(self, name: str) -> None:
        self._nodes.setdefault(name, parameter(name, [-1], ov.Type.i32))

    def _matrix(self, name: str, columns: int | None, width: int | None) -> Node:
        shape = [-1, -1 if columns is None else columns, -1 if width is None else width]
        node = self._nodes[name] = parameter(name, shape, self._kind)
        return node if self._kind == ov.Type.f32 else op.convert(node, "f32")

    def _grouped(self, first: Node, site: FusedSite) -> Node:
        """The shape (groups * members, longest, columns), one node for all layers."""
        key = (site.name, site.columns)
        if key not in self._shapes:
            groups = op.gather(
                op.shape_of(first, "i64"), constant([0], np.int64), constant(0, np.int64)
            )
            rest = constant([-1, site.columns], np.int64)
            self._shapes[key] = op.concat([groups, rest], 0)
        return self._shapes[key]
