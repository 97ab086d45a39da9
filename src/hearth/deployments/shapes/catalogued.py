"""The models of a catalogue, as shapes see them."""

from __future__ import annotations

from datetime import UTC, datetime, time

from hearth.catalog import PUBLIC_ACCOUNT, Capability, CatalogModel, ModelType, ServedCatalog
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


class CatalogueModels:
    """`Models` over the catalogue and what was pulled here."""

    def __init__(self, served: ServedCatalog) -> None:
        self._served = served

    def public(self) -> list[ShapedModel]:
        """See `Models`."""
        self._served.refresh()
        models = self._served.catalog.models
        return [shaped_model(m) for m in models if m.account == PUBLIC_ACCOUNT and _fits(m)]

    async def find(self, conn: Connection, name: str, account_id: str) -> ShapedModel | None:
        """See `Models`; of an adapter nothing is known here."""
        self._served.refresh()
        model = self._served.catalog.resolve(name, account_id)
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
