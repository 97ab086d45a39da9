"""What the models feature is made of: the store, signed links, and whoever uses models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from hearth import catalog, deployments, models, objects, secrets
from hearth.app.workers import text_engines
from hearth.jobs import Handler
from hearth.kit.db import Connection, Database
from hearth.kit.home import make_home
from hearth.kit.secret_keys import load_sealer
from hearth.resources import Documents, Stored
from hearth.settings import Settings

if TYPE_CHECKING:
    from hearth.kit.objects import ObjectStore


def make_objects(settings: Settings, store: catalog.ModelStore) -> objects.Objects:
    """Where clients' files arrive, and the links to them.

    Raises:
        SetupError: the key that signs cannot be kept.
    """
    home = make_home(settings.home_path).absolute()
    signer = objects.Signer(objects.signing_key(home))
    return objects.Objects(
        partial(_open_store, settings.objects_url or (home / "objects").as_uri()),
        signer,
        mounts={models.WEIGHTS: models.weights_mount(store)},
        public_url=settings.public_url,
    )


def _open_store(url: str) -> ObjectStore:
    from hearth.kit.objects import ObjectStore  # its library is large

    return ObjectStore(url)


def make_models(
    settings: Settings, db: Database, shelf: models.Shelf, *, wake: Callable[[], None]
) -> models.Models:
    """The models of all accounts.

    Args:
        settings: read once, passed on as values.
        db: open, and up to date.
        shelf: the catalogue with what is held here.
        wake: has whoever runs jobs look for one.
    """
    store = catalog.ModelStore(settings.home_path)
    around = models.Around(
        shelf=shelf,
        store=store,
        objects=make_objects(settings, store),
        in_use=in_use,
        refs=refs,
        wake=wake,
    )
    return models.Models(db, around)


def make_imports(settings: Settings, db: Database, own: models.Models) -> models.Imports:
    """Imports of models: from hubs and buckets, and in profile `dev` from whatever is pulled."""
    schemes = {"hf", "https", "file", "pypi"} if settings.profile == "dev" else {"hf"}
    kept = make_secrets(settings, db)

    async def secret_of(_: Connection, account_id: str, name: str) -> str:
        return await kept.reveal(account_id, name.rpartition("/")[2])

    return models.Imports(db, own, frozenset(schemes), secret_of=secret_of)


def make_secrets(settings: Settings, db: Database) -> secrets.SecretService:
    """The secrets of all accounts; the keys that seal them are read when first needed."""
    return secrets.SecretService(db, partial(load_sealer, settings.home_path, settings.secret_key))


def make_job_handlers(settings: Settings, db: Database) -> Mapping[str, Handler]:
    """What of models takes long, for the process that runs jobs."""
    home = settings.home_path
    holdings = catalog.Holdings(catalog.ModelStore(home), catalog.Remotes(home))
    shipped = catalog.Catalog.load()
    stand_ins = shipped.stand_ins(chat=None)
    decide = partial(
        catalog.decide,
        profile=settings.profile,
        stand_ins=stand_ins,
        engines=text_engines(settings),
    )
    shelf = catalog.ServedCatalog(shipped, holdings, decide)
    own = make_models(settings, db, shelf, wake=lambda: None)
    return models.model_handlers(db, own, make_imports(settings, db, own))


async def in_use(conn: Connection, name: str) -> str | None:
    """The deployment that serves a model, or drafts with it, or has it loaded as an adapter."""
    for stored in await _deployments(conn):
        if name in (stored.resource.base_model, stored.resource.draft_model):
            return f"the deployment {stored.name}"
    return await deployments.adapter_in_use(conn, name)


async def refs(
    conn: Connection, names: Sequence[str]
) -> Mapping[str, list[models.DeployedModelRef]]:
    """Deployments of models by the account that owns both; nobody sees another account's."""
    found = dict(await deployments.adapter_refs(conn, names))
    for stored in await _deployments(conn):
        model = stored.resource.base_model
        if model in names and model.split("/")[1] == stored.account_id:
            is_ready = stored.resource.state is deployments.DeploymentState.READY
            ref = models.DeployedModelRef(
                name=f"accounts/{stored.account_id}/deployedModels/{stored.id}",
                deployment=stored.name,
                state="DEPLOYED" if is_ready else "DEPLOYING",
            )
            found.setdefault(model, []).append(ref)
    return found


async def _deployments(conn: Connection) -> list[Stored[deployments.Deployment]]:
    documents = Documents(deployments.DEPLOYMENT_KIND)
    return [each for each in await documents.every(conn) if each.delete_time is None]
