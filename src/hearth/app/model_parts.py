"""What the models feature is made of: the store, signed links, and whoever uses models."""

from __future__ import annotations

from collections.abc import Callable

from hearth import catalog, models, objects
from hearth.kit.db import Database
from hearth.kit.home import make_home
from hearth.settings import Settings


def make_objects(settings: Settings, store: catalog.ModelStore) -> objects.Objects:
    """Where clients' files arrive, and the links to them.

    Raises:
        SetupError: the object store cannot be used, or the key that signs cannot be kept.
    """
    from hearth.kit.objects import ObjectStore  # its library is large

    home = make_home(settings.home_path).absolute()
    signer = objects.Signer(objects.signing_key(home))
    return objects.Objects(
        ObjectStore(settings.objects_url or (home / "objects").as_uri()),
        signer,
        mounts={models.WEIGHTS: models.weights_mount(store)},
        public_url=settings.public_url,
    )


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
        shelf=shelf, store=store, objects=make_objects(settings, store), wake=wake
    )
    return models.Models(db, around)
