"""Adapters inside the graph: a grouped product of low rank beside each linear map.

The tokens of a step are gathered into groups, one for each adapter, all as long as the longest;
each group is multiplied by its own two matrices in one batched product (as in Punica; Chen et al.,
2023, and S-LoRA; Sheng et al., 2023), and the results are gathered back to their tokens. Tokens
without an adapter look up a row that is not there, which is zero.
"""

from __future__ import annotations

import openvino as ov
import openvino.opset15 as op

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.openvino_backend.ops import (
    Node,
    gather_rows,
    parameter,
    reshape,
)
from hearth.engines.llm.native.openvino_backend.sites import FusedSite, fused_sites


class LoraGraph:
    """The inputs for adapters of one graph, and what is computed with them.

    `rows.N` (groups * N, longest) names the token of each row, every group N times over; `back.N`
    (tokens * N) names the row of each token's piece; `pick.NAME` (groups * pieces) names for each
    piece which product of the first matrices it goes on from.

    Args:
        kind: of the matrices.
    """

    def __init__(self, architecture: Architecture, kind: ov.Type) -> None:
        self._kind = kind
        self._nodes: dict[str, Node] = {}
        for site in fused_sites(architecture):
            self._index(f"rows.{len(site.members)}", -1, -1)
            self._index(f"back.{site.num_pieces}", -1)
            if site.num_pieces != len(site.members):
                self._index(f"pick.{site.name}", -1)

    @property
    def parameters(self) -> list[Node]:
        """All inputs declared so far."""
        return list(self._nodes.values())

    def added(self, x: Node, y: Node, layer: int, site: FusedSite) -> Node:
        """The output `y` of a fused map of `x`, with what adapters add to it."""
        num_members, num_pieces = len(site.members), site.num_pieces
        first = self._matrix(f"a.{layer}.{site.name}", site.columns, -1)
        second = self._matrix(f"b.{layer}.{site.name}", -1, site.width)
        grouped = gather_rows(x, self._nodes[f"rows.{num_members}"])
        low = op.matmul(grouped, first, False, False)
        if num_pieces != num_members:
            low = gather_rows(low, self._nodes[f"pick.{site.name}"])
        update = reshape(op.matmul(low, second, False, False), -1, site.width)
        update = gather_rows(update, self._nodes[f"back.{num_pieces}"])
        if num_pieces > 1:
            update = reshape(update, -1, num_pieces * site.width)
        return op.add(y, update)

    def _index(self, name: str, *shape: int) -> None:
        self._nodes.setdefault(name, parameter(name, shape, ov.Type.i32))

    def _matrix(self, name: str, columns: int, width: int) -> Node:
        node = self._nodes[name] = parameter(name, [-1, columns, width], self._kind)
        return node if self._kind == ov.Type.f32 else op.convert(node, "f32")
