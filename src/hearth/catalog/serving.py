"""Whether a model can be called here, and by whose weights: one pure decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from hearth.catalog.remotes import Holding, Remote
from hearth.catalog.text_engines import FAMILIES, TEXT, TextEngines, able
from hearth.catalog.types import Capability, CatalogModel, ModelType, Weights

Profile = Literal["dev", "production"]
EngineName = Literal["llamacpp", "native", "embedding", "remote", "fake", "fake-embedding"]

_VECTORS = frozenset({ModelType.EMBEDDING, ModelType.RERANK})
ENCODERS = frozenset(
    {"BertModel", "BertForMaskedLM", "RobertaModel", "XLMRobertaModel", "CamembertModel"}
)
"Architectures whose arithmetic the engine for embeddings knows."
_SHIPPED = TextEngines()


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """How requests for `model` are answered.

    Args:
        engine: what runs it; None when the model is not callable.
        weights: what the engine loads; None for an engine that needs none.
        remote: the server that answers, for the engine `remote`.
        is_stand_in: another model's weights answer, and every answer must say so.
        reason: why it is not callable, or why another one answers; empty when all is well.
        remedy: the command that mends it, if one does.
    """

    model: str
    engine: EngineName | None = None
    weights: Weights | None = None
    remote: Remote | None = None
    is_stand_in: bool = False
    reason: str = ""
    remedy: str = ""

    @property
    def callable(self) -> bool:
        """Whether a request for it is answered."""
        return self.engine is not None

    @property
    def served_by(self) -> str | None:
        """The full name of the model whose weights answer, or the engine's where it needs none."""
        held = self.weights or self.remote
        if held is not None:
            return held.name
        return self.engine if self.is_stand_in else None

    @property
    def details(self) -> str:
        """Reason and remedy as one text, for the `details` of a 404."""
        return f"{self.reason} Remedy: `{self.remedy}`." if self.remedy else self.reason


def decide(
    model: CatalogModel,
    holdings: Mapping[str, Holding],
    profile: Profile,
    *,
    stand_ins: Mapping[ModelType, CatalogModel],
    engines: TextEngines = _SHIPPED,
) -> Serving:
    """Say how `model` is served, given all weights that are here and all that is attached.

    Args:
        holdings: by the full name of the model that each serves.
        stand_ins: what answers for models of a type, in profile `dev`; see `Catalog.stand_ins`.
        engines: those for text that this machine has.
    """
    if model.type not in TEXT | _VECTORS:
        return Serving(
            model=model.name,
            reason=f"This release of Hearth has no engine for {model.type} models.",
        )
    own = holdings.get(model.name)
    serving = _served(model, own, engines)
    if serving is not None:
        return serving
    missing = _missing(model, own)
    stand_in = stand_ins.get(model.type)
    if profile != "dev" or stand_in is None or stand_in.name == model.name:
        return missing
    substitute = _served(model, holdings.get(stand_in.name), engines)
    if substitute is None:
        return Serving(
            model=model.name,
            reason=f"{missing.reason} Its stand-in {stand_in.name} is not here either.",
            remedy=f"hearth pull {stand_in.id}",
        )
    return replace(substitute, is_stand_in=True, reason=missing.reason, remedy=missing.remedy)


def decide_fake(model: CatalogModel, holdings: Mapping[str, Holding]) -> Serving:
    """Let a fake engine stand in for every model that is not attached, of text or of vectors."""
    remote = holdings.get(model.name)
    if isinstance(remote, Remote):
        return Serving(model=model.name, engine="remote", remote=remote)
    engine: EngineName | None = None
    if Capability.COMPLETION in model.capabilities or model.type == "chat":
        engine = "fake"
    elif model.capabilities & {Capability.EMBEDDING, Capability.RERANK}:
        engine = "fake-embedding"
    reason = "The fake engine answers; it has no model."
    return Serving(model=model.name, engine=engine, is_stand_in=engine is not None, reason=reason)


def _served(model: CatalogModel, holding: Holding | None, engines: TextEngines) -> Serving | None:
    """How a holding serves the model; None where it cannot."""
    if isinstance(holding, Remote):
        return Serving(model=model.name, engine="remote", remote=holding)
    engine = None if holding is None else engine_of(holding, engines)
    if engine is None or (engine == "embedding") != (model.type in _VECTORS):
        return None
    return Serving(model=model.name, engine=engine, weights=holding)


def engine_of(weights: Weights, engines: TextEngines = _SHIPPED) -> EngineName | None:
    """What can run weights; None when nothing here can."""
    found = weights.inspection
    if found.type in TEXT:
        return engines.choose(found)
    is_encoder = found.type is ModelType.EMBEDDING and found.architecture in ENCODERS
    return "embedding" if weights.format == "safetensors" and is_encoder else None


def _missing(model: CatalogModel, own: Holding | None) -> Serving:
    """Why the model's own weights cannot serve it."""
    wanted = "SOURCE" if model.type in _VECTORS else "SOURCE.gguf"
    by_hand = f"hearth pull {wanted} --as {model.id} --account {model.account}"
    if not isinstance(own, Weights):
        remedy = f"hearth pull {model.id}" if model.weights else by_hand
        return Serving(
            model=model.name, reason=f"The weights of {model.name} are not here.", remedy=remedy
        )
    if model.type in _VECTORS:
        reason = (
            f"The weights of {model.name} are {own.format} of {own.inspection.architecture}; the "
            "engine for vectors loads BERT and RoBERTa encoders as safetensors."
        )
    elif own.format != "gguf":
        reason = _why_not_safetensors(own)
    else:
        reason = f"The weights of {model.name} are of a model for {own.inspection.type}."
    return Serving(model=model.name, reason=reason, remedy=f"{by_hand} --replace")


def _why_not_safetensors(own: Weights) -> str:
    found, whose = own.inspection, f"The weights of {own.name} are"
    if able(found):
        return (
            f"{whose} safetensors, which the engine native loads; it needs the package openvino, "
            "or torch on a machine with a GPU. GGUF needs neither."
        )
    return (
        f"{whose} {own.format} of {found.architecture} as {found.quantisation}, which no engine "
        f"here loads; the engine native loads {', '.join(sorted(set(FAMILIES.values())))} as F32, "
        "F16 or BF16, and GGUF is loaded of many more."
    )
