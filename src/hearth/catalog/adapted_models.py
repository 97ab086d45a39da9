"""What an adapter must fit: the tensors of a base model, and how their rows are ordered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hearth.catalog.gguf_header import read_gguf_header
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

_ROTATES_ROWS = {"llama": True, "qwen2": False, "qwen3": False}
"Whether GGUF has the rows of q and k in another order; architectures that adapters can be put on."


@dataclass(frozen=True, kw_only=True, slots=True)
class AdaptedModel:
    """A model that adapters are fitted to.

    Args:
        shapes: of its tensors, columns first as in GGUF.
        heads: of attention, by tensor.
    """

    name: str
    digest: str
    architecture: str
    shapes: Mapping[str, tuple[int, ...]]
    heads: Mapping[str, int]

    def ordered(self, tensor: str, rows: Matrix) -> Matrix:
        """Rows of a matrix of transformers in the order in which GGUF has them.

        For llama, GGUF holds the two halves of each head's rotary pairs beside each other.
        """
        if tensor not in self.heads or not _ROTATES_ROWS[self.architecture]:
            return rows
        heads = self.heads[tensor]
        return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def adapted_model(weights: Weights) -> AdaptedModel:
    """Read what adapters of a model must fit.

    Raises:
        InvalidRequest: no engine here puts adapters on such weights.
    """
    if weights.format != "gguf":
        raise InvalidRequest(
            f"Adapters are put on GGUF weights; those of {weights.name} are {weights.format}.",
            param="model",
        )
    files = [file.path for file in weights.manifest.files if file.path.endswith(".gguf")]
    headers = {path: read_gguf_header(weights.folder / path) for path in files}
    first = headers[weights.manifest.entry]
    architecture = first.text("general.architecture") or "unknown"
    if architecture not in _ROTATES_ROWS:
        raise InvalidRequest(
            f"{weights.name} is of the architecture {architecture}; adapters can be put on "
            f"{', '.join(_ROTATES_ROWS)}.",
            param="model",
        )
    heads = first.integer(f"{architecture}.attention.head_count") or 1
    kv_heads = first.integer(f"{architecture}.attention.head_count_kv") or heads
    return AdaptedModel(
        name=weights.name,
        digest=weights.sha256,
        architecture=architecture,
        shapes={each.name: each.shape for header in headers.values() for each in header.tensors},
        heads={"attn_q": heads, "attn_k": kv_heads},
    )
