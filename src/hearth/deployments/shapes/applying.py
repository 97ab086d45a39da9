"""A deployment that names a shape gets what the shape says; what it says otherwise is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from hearth.deployments.placement import parse_accelerator, parse_precision
from hearth.deployments.shapes.types import DeploymentShape, ShapedModel
from hearth.deployments.types import Deployment
from hearth.errors import InvalidRequest
from hearth.kit.names import to_camel

_FIELDS = {
    "accelerator_type": "accelerator_type",
    "accelerator_count": "accelerator_count",
    "precision": "precision",
    "max_context_length": "max_context_length",
    "enable_addons": "enable_addons",
    "enable_session_affinity": "enable_session_affinity",
    "num_peft_device_cached": "num_lora_device_cached",
    "draft_model": "draft_model",
    "draft_token_count": "draft_token_count",
    "ngram_speculation_length": "ngram_speculation_length",
    "disable_deployment_size_validation": "disable_deployment_size_validation",
}
"A deployment's field, and the shape's that it is taken from."
_READERS: dict[str, Callable[[str], str]] = {
    "accelerator_type": parse_accelerator,
    "precision": parse_precision,
}
_BLANK = Deployment()


def differences(deployment: Deployment, shape: DeploymentShape) -> list[str]:
    """The fields that a deployment sets and the shape has otherwise."""
    return [
        field
        for field, source in _FIELDS.items()
        if _is_set(deployment, field)
        and _read(field, getattr(deployment, field)) != getattr(shape, source)
    ]


def with_shape(deployment: Deployment, shape: DeploymentShape, *, is_checked: bool) -> Deployment:
    """A deployment with what the shape says of the fields that it leaves open.

    Args:
        is_checked: what it sets otherwise than the shape is refused; False: that wins.

    Raises:
        InvalidRequest: naming the first field that differs.
    """
    if is_checked and (fields := differences(deployment, shape)):
        field = to_camel(fields[0])
        here, there = getattr(deployment, fields[0]), getattr(shape, _FIELDS[fields[0]])
        raise InvalidRequest(
            f"{field}: it is {here} here and {there} in {shape.name}; leave it out, choose "
            "another shape, or pass skipShapeValidation.",
            param=field,
        )
    # Any: the fields have many types.
    taken: dict[str, Any] = {
        field: getattr(shape, source)
        for field, source in _FIELDS.items()
        if not _is_set(deployment, field)
    }
    return replace(deployment, **taken)


def without_shape(deployment: Deployment, before: Deployment) -> Deployment:
    """A changed deployment without what it still has of its shape before, to take another's."""
    blank = {
        field: getattr(_BLANK, field)
        for field in _FIELDS
        if getattr(deployment, field) == getattr(before, field)
    }
    return replace(deployment, **blank)


def suits(shape: DeploymentShape, model: ShapedModel) -> bool:
    """Whether a shape is for this model, or for another of its kind and size."""
    if shape.base_model == model.name:
        return True
    parameters = model.size.parameters
    is_alike = shape.parameter_count == str(parameters) and shape.model_type == model.type
    return parameters > 0 and is_alike


def _is_set(deployment: Deployment, field: str) -> bool:
    return bool(getattr(deployment, field) != getattr(_BLANK, field))


def _read(field: str, value: object) -> object:
    reader = _READERS.get(field)
    return reader(value) if reader is not None and isinstance(value, str) else value
