"""Adapters by `fireworks-ai` 1.2, unmodified: brought, loaded, asked, merged, unloaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hearth.catalog import Catalog, ModelStore, plan_pull
from tests.catalog.peft_folders import random_matrices, write_peft
from tests.e2e.clients.driven import Facts, keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.e2e.clients.refusals import told
from tests.engines.models import write_tiny_model
from tests.running import RunningHearth, running_hearth

SMALL = {"engine_threads": "1", "engine_slots": "2", "engine_context_tokens": "512"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose default model is a random one of a few kilobytes, and an adapter for it."""
    home = tmp_path_factory.mktemp("lora")
    tiny = write_tiny_model(home / "tiny.gguf")
    plan = plan_pull(Catalog.load(), str(tiny), as_id="smollm2-135m-instruct")
    ModelStore(home).pull(plan)
    write_peft(home / "adapter", random_matrices(tiny))
    return home


@pytest.fixture(scope="module")
def tiny_hearth(home: Path) -> Iterator[RunningHearth]:
    with running_hearth(home, engine="auto", **SMALL) as running:
        yield running


@pytest.fixture(scope="module", params=["", "/inference"])
def facts(
    request: pytest.FixtureRequest,
    home: Path,
    tiny_hearth: RunningHearth,
    fireworks_environment: Environment,
) -> Facts:
    arguments = [f"{tiny_hearth.url}{request.param}", str(home / "adapter")]
    return run_python(
        fireworks_environment, "fireworks_lora.py", *arguments, **keys_of(tiny_hearth)
    )


def test_an_adapter_is_loaded_beside_the_weights_of_its_base(facts: Facts) -> None:
    everywhere = facts["everywhere"]

    made, loaded = everywhere["made"], everywhere["loaded"]
    assert made["name"].startswith("accounts/dev/deployedModels/lora-")
    assert made["serverless"] is made["default"] is True
    assert (made["state"], loaded["state"]) == ("DEPLOYING", "DEPLOYED")
    assert everywhere["differs"]
    assert everywhere["same"]
    assert [each["name"] for each in everywhere["refs"]] == [made["name"]]
    assert told(everywhere["in_use"]) == ("BadRequestError", 9, None)
    assert told(everywhere["twice"]) == ("ConflictError", 6, "model")
    assert everywhere["unloaded"] == {}
    assert everywhere["gone"]["state"] == "GONE"
    assert everywhere["not_called"]["kind"] == "NotFoundError"


def test_an_adapter_is_loaded_changed_listed_and_merged_on_a_deployment(facts: Facts) -> None:
    deployed = facts["deployed"]

    assert deployed["loaded"]["state"] == "DEPLOYED"
    assert deployed["loaded"]["deployment"].startswith("accounts/dev/deployments/addons-")
    assert deployed["loaded"]["displayName"] == "One"
    assert deployed["differs"] == [True, True]
    assert (deployed["changed"]["displayName"], deployed["changed"]["description"]) == ("Two", "x")
    assert deployed["listed"] == [deployed["got"]] == [deployed["changed"]]
    assert deployed["masked"][0].keys() == {"name", "state"}
    assert told(deployed["stale"]) == ("ConflictError", 6, "etag")
    assert deployed["gone"]["state"] == "GONE"
    assert deployed["merged"]["state"] == "DEPLOYED"
    assert deployed["merged_differs"]


def test_adapters_that_cannot_be_loaded_are_refused_by_the_field(facts: Facts) -> None:
    errors = facts["errors"]

    assert told(errors["model"]) == told(errors["base"]) == ("BadRequestError", 3, "model")
    assert told(errors["deployment"]) == ("BadRequestError", 3, "deployment")
    assert told(errors["missing"]) == told(errors["account"]) == ("NotFoundError", 5, None)
    assert told(errors["filter"]) == ("BadRequestError", 3, "filter")
    assert facts["asked"]["names"] == [facts["asked"]["got"]]
    assert facts["asked"]["display_name"] == "Async"
