"""Models and their files as a gateway wires them, over HTTP and on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from hearth import catalog
from hearth.accounts import Role
from hearth.kit.db import Connection, Database
from hearth.kit.objects import ObjectStore
from hearth.models import WEIGHTS, Around, Imports, Models, model_routes, weights_mount
from hearth.objects import Objects, Signer, object_routes, signing_key
from tests.site import HandClock, Site

Json = dict[str, Any]
MODELS = "/accounts/acme/models"


class House(Site):
    """Two accounts, the catalogue, and a home for weights."""

    def __init__(self, db: Database, home: Path, objects_url: str = "") -> None:
        self.clock = HandClock()
        super().__init__(db, self.clock)
        self.store = catalog.ModelStore(home)
        self.users: dict[str, str] = {}
        holdings = catalog.Holdings(self.store, catalog.Remotes(home))
        shipped = catalog.Catalog.load()
        decide = partial(catalog.decide, profile="production", stand_ins={})
        self.shelf = catalog.ServedCatalog(shipped, holdings, decide)
        home.mkdir(parents=True, exist_ok=True)
        self.objects = Objects(
            lambda: ObjectStore(objects_url or (home / "objects").as_uri()),
            Signer(signing_key(home), self.clock),
            mounts={WEIGHTS: weights_mount(self.store)},
            clock=self.clock,
        )
        around = Around(
            shelf=self.shelf, store=self.store, objects=self.objects, in_use=self._user_of
        )
        self.models = Models(db, around, self.clock)
        self.imports = Imports(db, self.models, frozenset({"file"}), self._secret_of)
        self.secrets: dict[str, str] = {}
        self.open(
            [
                *model_routes(db, self.models, self.imports, self.caller),
                *object_routes(self.objects),
            ]
        )

    async def _user_of(self, _: Connection, name: str) -> str | None:
        return self.users.get(name)

    async def _secret_of(self, _: Connection, account_id: str, name: str) -> str:
        return self.secrets[f"{account_id}/{name}"]


@pytest.fixture
async def house(db: Database, tmp_path: Path) -> House:
    house = House(db, tmp_path / "home")
    await house.add_accounts()
    return house


@pytest.fixture
async def acme(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client of acme's admin."""
    async with house.client(await house.add_user("acme", "ann", Role.ADMIN)) as client:
        yield client


@pytest.fixture
async def stranger(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client of another account's admin."""
    async with house.client(await house.add_user("other", "bob", Role.ADMIN)) as client:
        yield client


@pytest.fixture
async def anybody(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with house.client(None) as client:
        yield client


async def make(client: httpx.AsyncClient, model_id: str, **fields: object) -> Json:
    """Make a model that waits for its files."""
    answer = await client.post(MODELS, json={"modelId": model_id, "model": fields})
    assert answer.status_code == 200, answer.text
    made: Json = answer.json()
    return made


async def announce(client: httpx.AsyncClient, model_id: str, files: dict[str, bytes]) -> Json:
    """Signed URLs by file name."""
    sizes = {name: str(len(content)) for name, content in files.items()}
    body = {"filenameToSize": sizes}
    answer = await client.post(f"{MODELS}/{model_id}:getUploadEndpoint", json=body)
    assert answer.status_code == 200, answer.text
    urls: Json = answer.json()["filenameToSignedUrls"]
    return urls


async def upload(client: httpx.AsyncClient, model_id: str, files: dict[str, bytes]) -> None:
    """Announce files and put each by its URL."""
    urls = await announce(client, model_id, files)
    for name, content in files.items():
        answer = await client.put(urls[name], content=content)
        assert answer.status_code == 200, answer.text


async def validate(client: httpx.AsyncClient, model_id: str) -> httpx.Response:
    """Ask for the model to be made of what came."""
    return await client.get(f"{MODELS}/{model_id}:validateUpload")
