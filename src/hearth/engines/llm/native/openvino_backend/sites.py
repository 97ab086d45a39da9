"""The linear maps of a layer as the graph has them: those with the same input are one.

A fused map gives several outputs side by side. Adapters are per output, so a fused map is cut into
pieces of equal width, each of which belongs to one of its linear maps: one batched multiplication
then serves all pieces, and no zeros of a block-diagonal matrix are read.
"""

from __future__ import annotations

from msgspec import Struct

from hearth.engines.llm.native.architecture import Architecture, Site


class FusedSite(Struct, frozen=True, kw_only=True):
    """Linear maps of a layer that share their input."""

    name: str
    members: tuple[Site, ...]
    columns: int
    width: int
    "Of a piece."
    piece_members: tuple[int, ...]
    "For each piece, which of the members it is a part of."

    @property
    def num_pieces(self) -> int:
        """Pieces of the output, side by side."""
        return len(self.piece_members)


def fused_sites(of: Architecture) -> tuple[FusedSite, ...]:
    """The four of every layer, in the order in which they are computed."""
    queries = of.num_heads // of.num_kv_heads  # pieces as wide as the keys are
    hidden, mlp = of.hidden_size, of.intermediate_size
    return (
        FusedSite(
            name="qkv",
            members=("q", "k", "v"),
            columns=hidden,
            width=of.kv_size,
            piece_members=(0,) * queries + (1, 2),
        ),
        FusedSite(
            name="o", members=("o",), columns=of.query_size, width=hidden, piece_members=(0,)
        ),
        FusedSite(
            name="gate_up",
            members=("gate", "up"),
            columns=hidden,
            width=mlp,
            piece_members=(0, 1),
        ),
        FusedSite(name="down", members=("down",), columns=mlp, width=hidden, piece_members=(0,)),
    )
