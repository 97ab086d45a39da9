"""Adapters loaded into a running Hearth, and the requests that name them, in real processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from hearth.catalog import Catalog, ModelStore, plan_pull
from tests.catalog.peft_folders import random_matrices, write_peft
from tests.deployments.traffic import Deployments, Json, traffic, wait_until
from tests.engines.models import write_tiny_model
from tests.running import RunningHearth, running_hearth

BASE = "accounts/fireworks/models/smollm2-135m-instruct"
SMALL = {"engine_threads": "1", "engine_slots": "2", "engine_context_tokens": "512"}


@pytest.fixture(scope="module", params=["llamacpp", "native"])
def hearth(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHearth]:
    """With a random model of a few kilobytes as its default, and two adapters for it."""
    home = tmp_path_factory.mktemp("adapters")
    store, catalog = ModelStore(home), Catalog.load()
    tiny = write_tiny_model(home / "tiny.gguf")
    store.pull(plan_pull(catalog, str(tiny), as_id="smollm2-135m-instruct"))
    for seed, name in enumerate(("first", "second")):
        folder = write_peft(
            home / name,
            random_matrices(tiny, seed=seed),
            base_model_name_or_path="smollm2-135m-instruct",
        )
        store.pull(plan_pull(catalog, str(folder), account_id="dev", as_id=name))
    with running_hearth(home, engine="auto", text_engine=request.param, **SMALL) as running:
        yield running


@pytest.fixture
def control(hearth: RunningHearth) -> Iterator[Deployments]:
    control = Deployments(hearth)
    yield control
    control.api.close()


def load(control: Deployments, **body: object) -> Json:
    answer = control.api.post("/deployedModels", json=body)
    assert answer.status_code == 200, answer.text
    loaded: Json = answer.json()
    wait_until(lambda: state_of(control, loaded) == "DEPLOYED", "it is never loaded")
    return loaded


def state_of(control: Deployments, loaded: Json) -> str:
    answer = control.api.get(f"/deployedModels/{loaded['name'].rpartition('/')[2]}")
    return str(answer.json()["state"]) if answer.status_code == 200 else "GONE"


def unload(control: Deployments, loaded: Json) -> None:
    gone = control.api.delete(f"/deployedModels/{loaded['name'].rpartition('/')[2]}")
    assert gone.json() == {}
    wait_until(lambda: state_of(control, loaded) == "GONE", "it is never unloaded")


def said(hearth: RunningHearth, model: str) -> str:
    body = {"model": model, "prompt": "Once upon", "max_tokens": 12, "temperature": 0}
    with hearth.client() as api:
        answer = api.post("/completions", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["text"])


def test_adapters_come_and_go_on_a_base_model_that_is_served_without_a_deployment(
    hearth: RunningHearth, control: Deployments
) -> None:
    plain = said(hearth, BASE)

    with traffic(hearth, BASE) as seen:
        first = load(control, model="first", deployment="")
        second = load(control, model="second")
        texts = {said(hearth, name) for name in ("first", second["name"])}
        unload(control, first)
    with hearth.client() as api:
        gone = api.post("/completions", json={"model": "dev/first", "prompt": "x"})
    unload(control, second)

    assert seen.faults == []
    assert first["serverless"]
    assert first["default"]
    assert len({plain, *texts}) == 3
    assert said(hearth, BASE) == plain
    assert gone.status_code == 404
    assert "load-lora first" in gone.json()["error"]["details"]


def test_adapters_on_a_deployment_are_chosen_by_name_and_updates_drop_nothing(
    hearth: RunningHearth, control: Deployments
) -> None:
    d1 = control.create("d1", baseModel=BASE)["name"]
    control.wait_ready("d1", 1)
    plain = said(hearth, d1)

    with traffic(hearth, d1) as seen:
        first = load(control, model="first", deployment="d1")
        second = load(control, model="second", deployment="d1")
        named = [said(hearth, name) for name in (first["name"], f"dev/first#{d1}", "first")]
        other = said(hearth, f"accounts/dev/models/second#{d1}")
    callable_ones = models_that_are_called(hearth)
    unload(control, first)
    with hearth.client() as api:
        ask = {"model": f"dev/first#{d1}", "prompt": "x"}
        gone = api.post("/completions", json=ask)

    assert seen.faults == []
    assert len({plain, named[0], other}) == 3
    assert set(named) == {named[0]}
    assert said(hearth, d1) == plain
    assert callable_ones >= {first["model"], second["model"]}
    assert gone.status_code == 404
    wait_until(lambda: digests_in_ledger(hearth) >= {first["adapterDigest"]}, "it is not recorded")
    unload(control, second)
    control.api.delete("/deployments/d1", params={"ignoreChecks": "true", "hard": "true"})


def test_a_merged_adapter_answers_for_its_deployment(
    hearth: RunningHearth, control: Deployments
) -> None:
    d2 = control.create("d2", baseModel=BASE)["name"]
    control.wait_ready("d2", 1)
    plain = said(hearth, d2)

    answer = control.api.post(
        "/deployedModels",
        json={"model": "first", "deployment": "d2"},
        params={"replaceMergedAddon": "true"},
    )
    merged: Json = answer.json()
    wait_until(lambda: state_of(control, merged) == "DEPLOYED", "it is never loaded")

    assert said(hearth, d2) == said(hearth, merged["name"]) != plain
    assert said(hearth, f"{BASE}#{d2}") == plain


def models_that_are_called(hearth: RunningHearth) -> set[str]:
    with hearth.client() as api:
        return {each["id"] for each in api.get("/models").json()["data"] if each["callable"]}


def digests_in_ledger(hearth: RunningHearth) -> set[str]:
    with closing(sqlite3.connect(hearth.home / "state.db")) as state:
        return {row[0] for row in state.execute("SELECT adapter_digest FROM usage_events")}
