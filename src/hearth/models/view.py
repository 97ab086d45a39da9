"""A model as it is shown: what its account says of it, with what is here and how it is served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time

import msgspec

from hearth.accounts import Status
from hearth.catalog import PUBLIC_ACCOUNT, Capability, CatalogModel, Serving, Weights
from hearth.models.precisions import FORMS, can_prepare, precision_of
from hearth.models.types import BaseModelDetails, DeployedModelRef, Model, ModelState

SERVERLESS = f"accounts/{PUBLIC_ACCOUNT}/deployments/serverless"
"What requests without a deployment of their own are said to be answered by."


_GONE = Status(
    code="NOT_FOUND",
    message="Its weights are not here any more; delete it, make it again and upload them.",
)


def described(model: CatalogModel) -> Model:
    """What the catalogue, or the headers of its weights, say of a model."""
    details = None
    if model.parameters is not None:
        details = BaseModelDetails(
            parameter_count=str(model.parameters),
            moe=model.active_parameters is not None,
            checkpoint_format="HUGGINGFACE",
        )
    return Model(
        name=model.name,
        display_name=model.display_name,
        description=model.description,
        create_time=datetime.combine(model.created, time(), UTC),
        state=ModelState.READY,
        kind=model.kind,
        public=model.account == PUBLIC_ACCOUNT,
        base_model_details=details,
        context_length=model.context_length,
        supports_image_input=Capability.IMAGE_INPUT in model.capabilities,
        supports_tools=Capability.TOOLS in model.capabilities,
        supports_lora=Capability.LORA in model.capabilities,
        category=str(model.category),
        size_bytes=(model.weights[0].size_bytes or 0) if model.weights else 0,
    )


def completed(
    model: Model,
    serving: Serving | None,
    weights: Sequence[Weights],
    refs: Sequence[DeployedModelRef] = (),
) -> Model:
    """The same with what is here, and how it is served.

    Args:
        model: as its account or the catalogue describes it.
        serving: None: nothing of it is here.
        weights: its own that are here, those it came with first.
        refs: where it is deployed, beside what answers without a deployment.
    """
    if model.state is not ModelState.READY:
        return msgspec.structs.replace(model, deployed_model_refs=[*refs])
    if serving is None:
        return msgspec.structs.replace(model, status=_GONE, deployed_model_refs=[*refs])
    is_callable = serving.callable
    status, size_bytes = model.status, model.size_bytes
    if status.code == "OK" and serving.details:
        status = Status(message=serving.details)
    if weights:
        size_bytes = sum(each.size_bytes for each in weights)
    own = [_serverless(model.name)] if is_callable and model.public else []
    return msgspec.structs.replace(
        model,
        status=status,
        size_bytes=size_bytes,
        callable=is_callable,
        served_by=serving.served_by or "",
        supports_serverless=is_callable,
        deployed_model_refs=[*refs, *own],
        precisions=sorted({precision_of(each.inspection.quantisation) for each in weights} - {""}),
        supported_precisions=_supported(weights),
    )


def _supported(weights: Sequence[Weights]) -> list[str]:
    own = {precision_of(each.inspection.quantisation) for each in weights} - {""}
    return sorted(own | (FORMS.keys() if weights and can_prepare(weights[0]) else set()))


def _serverless(name: str) -> DeployedModelRef:
    """What old clients look for before they call a model without a deployment."""
    model_id = name.rpartition("/")[2]
    return DeployedModelRef(
        name=f"accounts/{PUBLIC_ACCOUNT}/deployedModels/{model_id}",
        deployment=SERVERLESS,
        default=True,
        public=True,
    )
