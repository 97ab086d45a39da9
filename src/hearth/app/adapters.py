"""What loads adapters: their weights, their base models, and the record of where they are."""

from __future__ import annotations

from hearth import catalog, deployments, models
from hearth.kit.db import Connection, Database


def make_deployed_models(
    db: Database, served: catalog.ServedCatalog, own: models.Models
) -> deployments.DeployedModels:
    """The adapters on deployments, of all accounts.

    Args:
        db: open, and up to date.
        served: the catalogue, and how each model is served.
        own: the models of accounts, which say what their adapters are trained on.
    """
    loading = deployments.Loading(served, own.around.store, base_of_adapters(own))
    return deployments.DeployedModels(db, loading)


def base_of_adapters(own: models.Models) -> deployments.BaseOf:
    """Looks up what the adapters of accounts are trained on."""

    async def base_of(conn: Connection, name: str) -> str:
        stored = await own.documents.find(conn, name)
        peft = None if stored is None else stored.resource.peft_details
        return "" if peft is None else peft.base_model

    return base_of
