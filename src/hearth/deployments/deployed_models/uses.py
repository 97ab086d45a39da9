"""What deployed models mean for the models themselves: where each is, and what keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hearth.deployments.deployed_models.types import DEPLOYED_MODELS, DeployedModel
from hearth.kit.db import Connection
from hearth.models import DeployedModelRef
from hearth.resources import Documents, Stored

_documents = Documents(DEPLOYED_MODELS)


async def in_use(conn: Connection, model: str) -> str | None:
    """What keeps a model from being deleted; see `InUse` of models."""
    for each in await _documents.every(conn):
        if each.resource.model == model:
            return f"the deployed model {each.name}"
    return None


async def refs(conn: Connection, models: Sequence[str]) -> Mapping[str, list[DeployedModelRef]]:
    """Where models, by their full names, are loaded; see `Refs` of models."""
    wanted = set(models)
    found: dict[str, list[DeployedModelRef]] = {}
    for each in await _documents.every(conn):
        if each.resource.model in wanted:
            found.setdefault(each.resource.model, []).append(_ref(each))
    return found


def _ref(stored: Stored[DeployedModel]) -> DeployedModelRef:
    deployed = stored.resource
    return DeployedModelRef(
        name=deployed.name,
        deployment=deployed.deployment,
        state=str(deployed.state),
        default=deployed.default,
        public=deployed.public,
    )
