"""What placement and the engines are asked for a deployment's replicas."""

from __future__ import annotations

from hearth.catalog import Remote, ServedModel, Weights
from hearth.deployments.placement import Ask, Precision, model_size
from hearth.deployments.serving import EngineWish
from hearth.deployments.types import Deployment
from hearth.engines.protocol import Adapter

# What llama.cpp's forms are in the control plane's words.
_FORMS = {
    "F16": Precision.FP16,
    "BF16": Precision.BF16,
    "Q8_0": Precision.INT8,
    "Q4_0": Precision.INT4,
    "Q4_1": Precision.INT4,
    "Q4_K": Precision.INT4,
    "F32": Precision.BF16,
}


def ask_of(
    deployment: Deployment, served: ServedModel, certifications: frozenset[str] = frozenset()
) -> Ask:
    """What one replica needs, for placement.

    Args:
        deployment: as its owner wants it.
        served: its base model, and what answers for it here.
        certifications: what its region must have.
    """
    model, serving = served
    held = serving.weights or serving.remote
    has_own = held is not None and not serving.is_stand_in
    if has_own and serving.remote is not None:  # its weights are another server's to hold
        size = model_size(model.name, None, None)
    else:
        own = serving.weights.size_bytes if has_own and serving.weights is not None else None
        size = model_size(model.name, model.parameters, model.context_length, own)
    wish = deployment.placement
    regions = tuple(name for name in (wish.region, *wish.regions) if name)
    return Ask(
        model=size,
        has_own_weights=has_own,
        accelerator=deployment.accelerator_type,
        count=deployment.accelerator_count or None,
        precision=deployment.precision,
        engine_precisions=_precisions(held) if has_own else (),
        max_context_tokens=deployment.max_context_length or None,
        regions=regions,
        multi_region=wish.multi_region,
        cloud=wish.cloud,
        certifications=certifications,
        check_size=not deployment.disable_deployment_size_validation,
    )


def engine_wish_of(deployment: Deployment, adapters: tuple[Adapter, ...] = ()) -> EngineWish:
    """How its replicas are to be run."""
    return EngineWish(
        engine=deployment.engine or "auto",
        options=deployment.engine_options,
        context_tokens=deployment.max_context_length,
        adapters=adapters,
    )


def _precisions(held: Weights | Remote | None) -> tuple[Precision, ...]:
    """What the weights are served in where they are; nothing is converted on the way."""
    if not isinstance(held, Weights):
        return ()
    found = _FORMS.get(held.inspection.quantisation.upper())
    return () if found is None else (found,)
