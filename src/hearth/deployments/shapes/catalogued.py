"""The models of a catalogue, as shapes see them."""

from __future__ import annotations

from datetime import UTC, datetime, time

from hearth.catalog import PUBLIC_ACCOUNT, Capability, CatalogModel, ModelType, ServedCatalog
from hearth.deployments.deployed_models import BaseOf
from hearth.deployments.placement import model_size
from hearth.deployments.shapes.types import ShapedModel
from hearth.kit.db import Connection

_DEPLOYABLE = frozenset(
    {
        ModelType.CHAT,
        ModelType.COMPLETION,
        ModelType.VISION,
        ModelType.EMBEDDING,
        ModelType.RERANK,
    }
)
"What some engine serves."


async def no_base(_: Connection, __: str) -> str:
    """Know no adapters."""
    return ""


class CatalogueModels:
    """`Models` over the catalogue and what was pulled or uploaded here.

    Args:
        served: all of them.
        base_of: what an adapter is trained on.
    """

    def __init__(self, served: ServedCatalog, base_of: BaseOf = no_base) -> None:
        self._served = served
        self._base_of = base_of

    def public(self) -> list[ShapedModel]:
        """See `Models`."""
        self._served.refresh()
        models = self._served.catalog.models
        return [shaped_model(m) for m in models if m.account == PUBLIC_ACCOUNT and _fits(m)]

    async def find(self, conn: Connection, name: str, account_id: str) -> ShapedModel | None:
        """See `Models`."""
        self._served.refresh()
        model = self._served.catalog.resolve(name, account_id)
        if model is None or model.type is ModelType.ADAPTER:
            full = name if "/" in name else f"accounts/{account_id}/models/{name}"
            base = await self._base_of(conn, full if model is None else model.name)
            model = self._served.catalog.resolve(base, account_id) if base else None
        return shaped_model(model) if model is not None and _fits(model) else None


def _fits(model: CatalogModel) -> bool:
    return model.type in _DEPLOYABLE


def shaped_model(model: CatalogModel) -> ShapedModel:
    """What shapes need of a model of the catalogue."""
    return ShapedModel(
        name=model.name,
        type=str(model.type),
        size=model_size(model.name, model.parameters, model.context_length),
        takes_addons=Capability.LORA in model.capabilities,
        create_time=datetime.combine(model.created, time(), UTC),
    )
