"""What one replica of a deployment needs: its model's size and what its owner asks for."""

from __future__ import annotations

from dataclasses import dataclass

from hearth.deployments.placement.types import Precision


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """What a model keeps per token and layer; from its published `config.json`."""

    layers: int
    "With full attention."
    kv_heads: int
    head_dim: int
    latent_dim: int = 0
    "Of multi-head latent attention: elements per token and layer; heads are then not used."
    window_layers: int = 0
    "Further layers, that attend to no more than `window_tokens`."
    window_tokens: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSize:
    """What of a model decides how much memory it needs."""

    name: str
    "For messages."
    parameters: int
    "All of them, of mixtures of experts too; 0: nobody knows, and only the reserve is counted."
    context_tokens: int
    "The longest context the model allows; 0: it keeps none (embeddings, speech)."
    attention: Attention | None = None
    "None: the cache is estimated from the number of parameters."
    weights_bytes: int | None = None
    "Of the weights that are here; it wins where they are served in the precision they have."

    @property
    def id(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What one replica of a deployment needs. Names are taken as callers spell them.

    Whatever stays at its default leaves the choice to `plan`.
    """

    model: ModelSize
    has_own_weights: bool
    "The model's own weights are here; False: a stand-in answers, on emulated accelerators only."
    accelerator: str = ""
    "Any spelling that `parse_accelerator` reads."
    count: int | None = None
    "Accelerators per replica; None: the smallest that fits."
    is_count_least: bool = False
    "`count` may be raised to what the model needs; the decision says so."
    precision: str = ""
    "Any spelling that `parse_precision` reads; empty: see `memory.default_precision`."
    engine_precisions: tuple[Precision, ...] = ()
    "What the engine of real places can do, its own choice first; empty: whatever is asked."
    max_context_tokens: int | None = None
    "None: the model's own."
    full_contexts: int = 1
    "How many contexts of that length the cache must hold at once."
    regions: tuple[str, ...] = ()
    "The first, then the fallbacks in order; ours or the contract's names. Empty: any."
    multi_region: str = ""
    "Of `MultiRegion`; empty or GLOBAL: any."
    cloud: str = ""
    certifications: frozenset[str] = frozenset()
    "All of them are required."
    check_size: bool = True
    "False: place it even where the estimate says that it does not fit."
