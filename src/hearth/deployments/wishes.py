"""What placement and the engines are asked for a deployment's replicas."""

from __future__ import annotations

from collections.abc import Sequence

from hearth.catalog import Remote, ServedModel, Weights
from hearth.deployments.placement import Ask, Precision, model_size
from hearth.deployments.serving import EngineWish
from hearth.deployments.types import Deployment
from hearth.engines.protocol import Adapter
from hearth.models import precision_of

_PRECISIONS = frozenset(Precision)
_WIDER = {"FP32": "BF16"}  # has no name in the control plane, and keeps what that promises


def ask_of(
    deployment: Deployment,
    served: ServedModel,
    variants: Sequence[Weights] = (),
    certifications: frozenset[str] = frozenset(),
) -> Ask:
    """What one replica needs, for placement.

    Args:
        deployment: as its owner wants it.
        served: its base model, and what answers for it here.
        variants: other forms of its weights that are here.
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
        engine_precisions=_precisions(held, variants) if has_own else (),
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
        precision=deployment.precision,
        adapters=adapters,
        expects_adapters=deployment.enable_addons,
    )


def _precisions(
    held: Weights | Remote | None, variants: Sequence[Weights]
) -> tuple[Precision, ...]:
    """What real places can serve: the forms that are here, for none is made on the way."""
    if not isinstance(held, Weights):
        return ()
    named = (precision_of(each.inspection.quantisation) for each in (held, *variants))
    named = (_WIDER.get(name, name) for name in named)
    return tuple(Precision(name) for name in dict.fromkeys(named) if name in _PRECISIONS)
