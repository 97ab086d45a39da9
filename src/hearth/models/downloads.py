"""Files of models that are here, by signed URL; they are read where the model store has them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hearth.catalog import ModelStore
from hearth.errors import FailedPrecondition
from hearth.models.service import Models
from hearth.objects import Mounted

WEIGHTS = "weights"
"The first part of keys that name files of the model store."


def weights_mount(store: ModelStore) -> Callable[[str], Mounted | None]:
    """Finds `account/model/path/of/file` in the store; its etag is the sum that was stored."""

    def find(key: str) -> Mounted | None:
        account, _, rest = key.partition("/")
        model_id, _, path = rest.partition("/")
        weights = store.find(f"accounts/{account}/models/{model_id}")
        if weights is None:
            return None
        stored = next((file for file in weights.manifest.files if file.path == path), None)
        if stored is None:
            return None
        return Mounted(path=weights.folder / stored.path, etag=stored.sha256)

    return find


async def download_urls(models: Models, name: str, base_url: str) -> dict[str, str]:
    """A URL for each file of a model.

    Raises:
        NotFound: there is no such model.
        FailedPrecondition: its files are not here.
    """
    await models.get(name)
    weights = await asyncio.to_thread(models.around.store.find, name)
    if weights is None:
        raise FailedPrecondition(
            f"The files of {name} are not here; upload and validate them first."
        )
    if weights.is_sealed:
        raise FailedPrecondition(
            f"The files of {name} are sealed for a deployment under compliance, and only its "
            "workers open them; they are not given out."
        )
    _, account, _, model_id = name.split("/")
    objects = models.around.objects
    return {
        file.path: await objects.get_url(f"{WEIGHTS}/{account}/{model_id}/{file.path}", base_url)
        for file in weights.manifest.files
    }
