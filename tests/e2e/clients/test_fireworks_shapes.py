"""Deployment shapes and their versions by `fireworks-ai` 1.2, unmodified."""

from __future__ import annotations

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
SHAPE = "accounts/fireworks/deploymentShapes/llama-v3p1-8b-instruct-minimal"


@pytest.fixture(scope="module", params=["", "/inference"])
def facts(
    request: pytest.FixtureRequest, hearth: RunningHearth, fireworks_environment: Environment
) -> Facts:
    base_url = f"{hearth.url}{request.param}"
    return run_python(fireworks_environment, "fireworks_shapes.py", base_url, **keys_of(hearth))


def test_it_lists_shapes_page_by_page_filtered_and_masked(facts: Facts) -> None:
    listed = facts["listed"]

    assert SHAPE in listed["names"]
    assert len(listed["names"]) == len(set(listed["names"])) > 60
    assert len(listed["fast"]) > 10
    assert listed["fast"] == sorted(listed["fast"], reverse=True)
    assert listed["masked"].keys() == {"name", "precision"}
    assert {each["baseModel"] for each in listed["for_model"]} == {MODEL}
    assert listed["own"] == []
    assert listed["filter"]["body"]["error"]["param"] == "filter"


def test_it_reads_a_shape_and_its_versions(facts: Facts) -> None:
    versioned = facts["versioned"]

    shape = versioned["shape"]
    assert shape["name"] == SHAPE
    assert shape["acceleratorType"] == "NVIDIA_A100_80GB"
    assert shape["acceleratorCount"] == 1
    assert shape["presetType"] == "MINIMAL"
    assert shape["parameterCount"] == "8030261248"
    assert versioned["every"] == [versioned["one"]]
    assert versioned["one"]["snapshot"] == shape
    assert versioned["one"]["latestValidated"] is True
    assert versioned["missing"]["kind"] == "NotFoundError"


def test_it_matches_a_model_with_its_shapes(facts: Facts) -> None:
    matched = facts["matched"]

    presets = [
        each["snapshot"]["presetType"] for each in matched["match"]["deploymentShapeVersions"]
    ]
    assert presets == ["MINIMAL", "FAST", "THROUGHPUT"]
    assert matched["for_model"] == matched["match"]
    assert matched["match"]["totalSize"] == 3
    assert matched["with_addons"] == ["MINIMAL", "THROUGHPUT"]
    assert matched["unknown"]["kind"] == "BadRequestError"


def test_it_deploys_with_the_shape_that_it_found(facts: Facts) -> None:
    deployed = facts["deployed"]

    made = deployed["made"]
    assert made["deploymentShape"] == f"{deployed['shape']}/versions/v1"
    assert (made["acceleratorType"], made["acceleratorCount"]) == ("NVIDIA_H100_80GB", 4)
    assert made["precision"] == "FP8"
    assert deployed["changed"]["displayName"] == "Mine"
    assert deployed["changed"]["deploymentShape"] == made["deploymentShape"]
    assert deployed["changed"]["acceleratorCount"] == 4
    assert deployed["other"]["body"]["error"]["param"] == "acceleratorType"


def test_its_asynchronous_client_finds_the_same(facts: Facts) -> None:
    assert facts["asked"]["names"] == facts["listed"]["names"]
    assert facts["asked"]["num_matched"] == 3
