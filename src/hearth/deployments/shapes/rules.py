"""What an account's own shape must be: it names a model that is known and holds it."""

from __future__ import annotations

from msgspec.structs import replace

from hearth.deployments.placement import (
    AcceleratorType,
    default_precision,
    parse_accelerator,
    parse_precision,
)
from hearth.deployments.shapes.sizing import check_size, load_of, smallest_count
from hearth.deployments.shapes.types import DeploymentShape, Models, ShapedModel
from hearth.deployments.shapes.versions import with_version
from hearth.errors import InvalidRequest
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection
from hearth.resources import Asking, Draft, FreeRules, Internal, Stored

_DEFAULT_KIND = AcceleratorType.NVIDIA_A100_80GB
"What the contract's clients say a shape has that names none."
_NOT_SHAPING = frozenset({"name", "display_name", "description", "create_time", "update_time"})


class ShapeRules(FreeRules[DeploymentShape]):
    """Completes and checks shapes, and keeps a version of each."""

    def __init__(self, models: Models, clock: Clock = utc_now) -> None:
        self._models = models
        self._clock = clock

    async def creating(
        self, conn: Connection, draft: Draft[DeploymentShape], asking: Asking
    ) -> Draft[DeploymentShape]:
        """See `Rules`."""
        return await self._completed(conn, draft.resource, {})

    async def updating(
        self,
        conn: Connection,
        before: Stored[DeploymentShape],
        after: Draft[DeploymentShape],
        asking: Asking,
    ) -> Draft[DeploymentShape]:
        """See `Rules`; another name or description alone makes no version."""
        if _shaping(before.resource) == _shaping(after.resource):
            return after
        return await self._completed(conn, after.resource, before.internal)

    async def _completed(
        self, conn: Connection, shape: DeploymentShape, internal: Internal
    ) -> Draft[DeploymentShape]:
        if not shape.base_model:
            raise InvalidRequest(
                "baseModel: name the model that deployments of this shape serve.",
                param="baseModel",
            )
        account_id = shape.name.split("/")[1]
        model = await self._models.find(conn, shape.base_model, account_id)
        if model is None:
            raise InvalidRequest(
                f"baseModel: there is no model {shape.base_model!r} that can be deployed; "
                "list the models to see which there are.",
                param="baseModel",
            )
        shape = _complete(shape, model)
        is_validated = not shape.disable_deployment_size_validation
        now = self._clock()
        internal = with_version(internal, shape, is_validated=is_validated, now=now)
        return Draft(resource=shape, internal=internal)


def _shaping(shape: DeploymentShape) -> dict[str, object]:
    """What a deployment gets of it."""
    fields = {name: getattr(shape, name) for name in shape.__struct_fields__}
    return {name: value for name, value in fields.items() if name not in _NOT_SHAPING}


def _complete(shape: DeploymentShape, model: ShapedModel) -> DeploymentShape:
    """Names in the contract's spelling, defaults filled in, and the size checked."""
    kind = parse_accelerator(shape.accelerator_type or _DEFAULT_KIND)
    precision = parse_precision(shape.precision) if shape.precision else default_precision(kind)
    limit = model.size.context_tokens
    if shape.max_context_length > limit > 0:
        raise InvalidRequest(
            f"maxContextLength: {model.size.id} has {limit} tokens of context at most, not "
            f"{shape.max_context_length}.",
            param="maxContextLength",
        )
    load = load_of(model.size, precision, context_tokens=shape.max_context_length)
    on_cpu = kind is AcceleratorType.CPU
    count = shape.accelerator_count or (1 if on_cpu else smallest_count(load, kind)) or 1
    if not shape.disable_deployment_size_validation:
        check_size(load, kind, count)
    return replace(
        shape,
        base_model=model.name,
        model_type=model.type,
        parameter_count=str(model.size.parameters) if model.size.parameters else "",
        accelerator_type=kind,
        accelerator_count=count,
        precision=precision,
    )
