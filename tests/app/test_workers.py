"""How workers are told to run weights: which engine, how wide, with which options."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hearth import catalog
from hearth.app.workers import Workers
from hearth.deployments import Deployment, EngineWish
from hearth.deployments.serving import version_of
from hearth.deployments.wishes import engine_wish_of
from hearth.engines.protocol import WorkerSpec
from hearth.errors import SetupError
from hearth.settings import Settings
from tests.catalog.weights import write_model_folder
from tests.engines.models import write_tiny_model

TINY, FOLDER = "accounts/me/models/tiny", "accounts/me/models/folder"


@pytest.fixture
def holdings(tmp_path: Path) -> catalog.Holdings:
    """A GGUF and a folder of safetensors of one family."""
    store, known = catalog.ModelStore(tmp_path), catalog.Catalog.load()
    write_model_folder(tmp_path / "folder")
    sources = {"tiny": write_tiny_model(tmp_path / "tiny.gguf"), "folder": tmp_path / "folder"}
    for name, source in sources.items():
        store.pull(catalog.plan_pull(known, str(source), account_id="me", as_id=name))
    return catalog.Holdings(store, catalog.Remotes(tmp_path))


def spec(
    holdings: catalog.Holdings, model: str, wish: EngineWish, settings: Settings | None = None
) -> WorkerSpec:
    return Workers(settings or Settings(), holdings, fake=False).make_spec(model, wish)


def test_a_wish_chooses_the_engine_and_how_wide_it_is(holdings: catalog.Holdings) -> None:
    native = spec(holdings, TINY, EngineWish(engine="native"))
    other = spec(holdings, TINY, EngineWish(engine="llamacpp"))
    narrow = spec(holdings, TINY, EngineWish(engine="native", options={"slots": "3"}))

    assert (native.engine, native.slots) == ("native", 32)
    assert (other.engine, other.slots) == ("llamacpp", 16)
    assert narrow.slots == 3
    assert spec(holdings, TINY, EngineWish(engine="native"), Settings(engine_slots=5)).slots == 5


def test_the_setting_chooses_where_nobody_wishes(holdings: catalog.Holdings) -> None:
    for engine in ("native", "llamacpp"):
        settings = Settings(text_engine=engine)
        assert spec(holdings, TINY, EngineWish(), settings).engine == engine


def test_a_wish_that_cannot_be_met_is_refused(
    holdings: catalog.Holdings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "has_native", lambda: True)

    with pytest.raises(SetupError, match="served by the engine native here, not llamacpp"):
        spec(holdings, FOLDER, EngineWish(engine="llamacpp"))
    monkeypatch.setattr(catalog, "has_native", lambda: False)
    with pytest.raises(SetupError, match="Nothing here runs the weights"):
        spec(holdings, FOLDER, EngineWish())


def test_native_makes_ready_for_adapters_where_they_are_expected(
    holdings: catalog.Holdings,
) -> None:
    native = EngineWish(engine="native", expects_adapters=True)
    other = EngineWish(engine="llamacpp", expects_adapters=True)
    declined = replace(native, options={"prepare_adapters": "false"})

    assert engine_wish_of(Deployment(enable_addons=True)).expects_adapters
    assert spec(holdings, TINY, native).options == {"prepare_adapters": True}
    assert version_of(spec(holdings, TINY, native)) == version_of(spec(holdings, TINY, declined))
    assert "prepare_adapters" not in spec(holdings, TINY, other).options
    assert spec(holdings, TINY, declined).options == {"prepare_adapters": False}


def test_options_that_commands_send_as_text_have_their_types(holdings: catalog.Holdings) -> None:
    options: dict[str, str | int | float | bool] = {
        "cache_tokens": "4096", "prefix_cache": "false", "precision": "f32",
    }  # fmt: skip

    told = spec(holdings, TINY, EngineWish(engine="native", options=options)).options

    assert told == {"cache_tokens": 4096, "prefix_cache": False, "precision": "f32"}
    with pytest.raises(SetupError, match="precision"):
        spec(holdings, TINY, EngineWish(engine="native", options={"precision": "f16"}))
