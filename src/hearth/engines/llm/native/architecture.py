"""What a decoder-only transformer is made of, as data: the one description that all backends build.

Families differ in a handful of choices (biases, norms, rotary frequencies, windows); each choice is
a field here, so that a backend has one layer and no classes per family.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Activation = Literal["silu", "gelu_tanh"]
Site = Literal["q", "k", "v", "o", "gate", "up", "down"]

SITES: tuple[Site, ...] = ("q", "k", "v", "o", "gate", "up", "down")
"The linear maps of a layer, which is where adapters can be put."


class Rope(Struct, frozen=True):
    """Rotary position embeddings (Su et al., 2021), half-split as in the checkpoints of HF."""

    inverse_frequencies: tuple[float, ...]
    "Radians a position, one for each pair of dimensions; scaling for long contexts is in them."
    attention_factor: float = 1.0
    "Multiplies cosine and sine (YaRN; Peng et al., 2023)."


class Architecture(Struct, frozen=True, kw_only=True):
    """A model without its weights."""

    family: str
    "As its config calls it, for messages."
    num_layers: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    vocabulary_size: int
    context_tokens: int
    "The longest it was trained on."
    norm_eps: float
    activation: Activation = "silu"
    biases: frozenset[Site] = frozenset()
    "Which linear maps add one."
    has_qk_norm: bool = False
    "RMS norm over each head of queries and keys, before the rotation (Qwen3, Gemma 3)."
    has_post_norms: bool = False
    "Another RMS norm on what attention and MLP give, before it is added (Gemma 2 and 3)."
    is_tied: bool = False
    "The output head is the embedding."
    embedding_scale: float = 1.0
    attention_scale: float
    "Multiplies the products of queries and keys."
    attention_softcap: float = 0.0
    "Scores become cap * tanh(score / cap); 0: they stay (Gemma 2)."
    logit_softcap: float = 0.0
    ropes: tuple[Rope, ...]
    layer_ropes: tuple[int, ...]
    "For each layer, which of `ropes`."
    layer_windows: tuple[int, ...]
    "For each layer, how many of the last positions it attends to, its own included; 0: all."

    @property
    def query_size(self) -> int:
        """Width of all queries of a token."""
        return self.num_heads * self.head_dim

    @property
    def kv_size(self) -> int:
        """Width of all keys of a token, and of all values."""
        return self.num_kv_heads * self.head_dim

    def shape(self, site: Site) -> tuple[int, int]:
        """(rows, columns) of a linear map's weight: output by input."""
        hidden, mlp = self.hidden_size, self.intermediate_size
        return {
            "q": (self.query_size, hidden),
            "k": (self.kv_size, hidden),
            "v": (self.kv_size, hidden),
            "o": (hidden, self.query_size),
            "gate": (mlp, hidden),
            "up": (mlp, hidden),
            "down": (hidden, mlp),
        }[site]

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of such a model by our own names, which all formats are mapped to."""
        shapes: dict[str, tuple[int, ...]] = {
            "embed": (self.vocabulary_size, self.hidden_size),
            "norm": (self.hidden_size,),
        }
        if not self.is_tied:
            shapes["head"] = (self.vocabulary_size, self.hidden_size)
        for layer in range(self.num_layers):
            for name, shape in self._layer_shapes().items():
                shapes[f"layers.{layer}.{name}"] = shape
        return shapes

    def _layer_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {site: self.shape(site) for site in SITES}
        shapes |= {f"{site}.bias": self.shape(site)[:1] for site in sorted(self.biases)}
        norms = ["attention_norm", "mlp_norm"]
        if self.has_post_norms:
            norms += ["post_attention_norm", "post_mlp_norm"]
        shapes |= dict.fromkeys(norms, (self.hidden_size,))
        if self.has_qk_norm:
            shapes |= dict.fromkeys(("q_norm", "k_norm"), (self.head_dim,))
        return shapes
