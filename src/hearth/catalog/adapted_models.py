"""What an adapter must fit: the tensors of a base model, and how their rows are ordered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hearth.catalog.gguf_header import read_gguf_header
from hearth.catalog.safetensors_header import read_shapes
from hearth.catalog.text_engines import FAMILIES
from hearth.catalog.types import Weights
from hearth.errors import InvalidRequest

if TYPE_CHECKING:
    import numpy

Matrix: TypeAlias = "numpy.typing.NDArray[numpy.float32]"

TENSORS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"What GGUF calls the linear modules of a layer."

_ROTATES_ROWS = {
    "llama": True, "qwen2": False, "qwen3": False, "gemma": False, "gemma2": False, "gemma3": False,
}  # fmt: skip
"Whether GGUF has the rows of q and k in another order; architectures that adapters can be put on."
_IN_GGUF = {"mistral": "llama"}
"What GGUF calls families that it has no name for."
_LINEAR = re.compile(
    rf"(?:model\.)?layers\.(?P<layer>\d{{1,4}})\.(?P<part>{'|'.join(map(re.escape, TENSORS))})"
    r"\.weight\Z"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdaptedModel:
    """A model that adapters are fitted to.

    Args:
        shapes: of its tensors, columns first as in GGUF.
        heads: of attention, by tensor.
        is_rotated: rows of q and k are in GGUF's order, which differs from that of transformers.
    """

    name: str
    digest: str
    architecture: str
    shapes: Mapping[str, tuple[int, ...]]
    heads: Mapping[str, int]
    is_rotated: bool

    def ordered(self, tensor: str, rows: Matrix) -> Matrix:
        """Rows of a matrix of transformers in the order in which the model has them.

        For llama, GGUF holds the two halves of each head's rotary pairs beside each other.
        """
        if tensor not in self.heads or not self.is_rotated:
            return rows
        heads = self.heads[tensor]
        return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def adapted_model(weights: Weights) -> AdaptedModel:
    """Read what adapters of a model must fit.

    Raises:
        InvalidRequest: no engine here puts adapters on such weights.
    """
    return _of_gguf(weights) if weights.format == "gguf" else _of_safetensors(weights)


def _of_safetensors(weights: Weights) -> AdaptedModel:
    family = FAMILIES.get(weights.inspection.architecture)
    if family is None:
        raise _unknown(weights, weights.inspection.architecture, sorted(FAMILIES))
    files = [file.path for file in weights.manifest.files if file.path.endswith(".safetensors")]
    every = [item for path in files for item in read_shapes(weights.folder / path).items()]
    named = [(_LINEAR.match(name), shape) for name, shape in every]
    shapes = {_in_gguf(match): shape[::-1] for match, shape in named if match is not None}
    return AdaptedModel(
        name=weights.name,
        digest=weights.identity,
        architecture=_IN_GGUF.get(family, family),
        shapes=shapes,
        heads={},
        is_rotated=False,
    )


def _in_gguf(linear: re.Match[str]) -> str:
    return f"blk.{int(linear['layer'])}.{TENSORS[linear['part']]}.weight"


def _of_gguf(weights: Weights) -> AdaptedModel:
    files = [file.path for file in weights.manifest.files if file.path.endswith(".gguf")]
    headers = {path: read_gguf_header(weights.folder / path) for path in files}
    first = headers[weights.manifest.entry]
    architecture = first.text("general.architecture") or "unknown"
    if architecture not in _ROTATES_ROWS:
        raise _unknown(weights, architecture, list(_ROTATES_ROWS))
    heads = first.integer(f"{architecture}.attention.head_count") or 1
    kv_heads = first.integer(f"{architecture}.attention.head_count_kv") or heads
    return AdaptedModel(
        name=weights.name,
        digest=weights.identity,
        architecture=architecture,
        shapes={each.name: each.shape for header in headers.values() for each in header.tensors},
        heads={"attn_q": heads, "attn_k": kv_heads},
        is_rotated=_ROTATES_ROWS[architecture],
    )


def _unknown(weights: Weights, architecture: str, known: list[str]) -> InvalidRequest:
    return InvalidRequest(
        f"{weights.name} is of the architecture {architecture}; adapters can be put on "
        f"{', '.join(known)}.",
        param="model",
    )


def differs_in_gguf(base: AdaptedModel) -> bool:
    """Whether a GGUF adapter of such a model has rows in another order than the model here."""
    return _ROTATES_ROWS[base.architecture] and not base.is_rotated
