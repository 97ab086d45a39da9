"""The life of a deployment by `fireworks-ai` 1.2, unmodified, with each base URL."""

from __future__ import annotations

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.e2e.clients.refusals import told
from tests.running import RunningHearth

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"


@pytest.fixture(scope="module", params=["", "/inference", "/inference/v1"])
def facts(
    request: pytest.FixtureRequest, hearth: RunningHearth, fireworks_environment: Environment
) -> Facts:
    base_url = f"{hearth.url}{request.param}"
    return run_python(
        fireworks_environment, "fireworks_deployments.py", base_url, **keys_of(hearth)
    )


def test_a_deployment_is_made_becomes_ready_and_answers_by_both_names(facts: Facts) -> None:
    life = facts["life"]

    made, ready = life["made"], life["ready"]
    assert made["name"].startswith("accounts/dev/deployments/d1-")
    assert (made["state"], ready["state"]) == ("CREATING", "READY")
    assert (made["minReplicaCount"], made["maxReplicaCount"]) == (0, 2)
    assert made["acceleratorType"] == "NVIDIA_H100_80GB"
    assert made["autoscalingPolicy"]["scaleToZeroWindow"] == "300s"
    assert made["baseModel"] == MODEL
    assert ready["replicaStats"]["readyReplicaCount"] == ready["replicaCount"] == 1
    assert ready["emulated"]
    assert "Emulated" in ready["status"]["message"]
    assert [each["model"] for each in life["answers"]] == [
        f"{MODEL}#{made['name']}",
        made["name"],
    ]
    assert {each["finish_reason"] for each in life["answers"]} <= {"stop", "length"}


def test_it_is_scaled_and_updated_with_its_model_in_the_body(facts: Facts) -> None:
    life = facts["life"]

    assert life["scaled"] == {}
    assert life["two"]["state"] == "READY"
    assert life["two"]["replicaStats"]["readyReplicaCount"] == 2
    assert life["changed"]["maxReplicaCount"] == 3
    assert life["changed"]["displayName"] == "Mine"
    assert life["changed"]["acceleratorType"] == "NVIDIA_H100_80GB"
    assert life["changed"]["state"] in ("READY", "UPDATING")


def test_it_is_deleted_had_back_and_deleted_for_good(facts: Facts) -> None:
    life = facts["life"]

    assert told(life["in_use"]) == ("BadRequestError", 9, "ignoreChecks")
    assert life["deleted"] == life["hard"] == {}
    assert life["gone"]["state"] == life["with_deleted"] == "DELETED"
    assert life["gone"]["deleteTime"] < life["gone"]["purgeTime"]
    assert life["listed"] is False
    assert life["not_called"]["kind"] == "NotFoundError"
    assert told(life["not_changed"]) == ("NotFoundError", 5, None)
    assert life["undeleted"]["state"] == "CREATING"
    assert life["undeleted"].get("deleteTime") is None
    assert life["again"]["state"] == "READY"
    assert life["again"]["displayName"] == "Mine"
    assert told(life["missing"]) == ("NotFoundError", 5, None)
    assert life["purged"]


def test_one_that_is_only_checked_is_not_made(facts: Facts) -> None:
    checked = facts["checked"]

    assert checked["told"]["acceleratorType"]
    assert checked["told"]["maxReplicaCount"] == 1
    assert told(checked["missing"]) == ("NotFoundError", 5, None)


def test_places_are_named_in_the_clients_words_or_left_open(facts: Facts) -> None:
    checked = facts["checked"]

    assert checked["placed"]["placement"]["region"] == "US_VIRGINIA_1"
    assert checked["placed"]["placement"]["regions"] == ["EU_FRANKFURT_1"]
    assert checked["placed"]["precision"] == "FP8"
    for field in ("acceleratorType", "precision", "placement"):
        assert checked["unspecified"][field] == checked["told"][field]


def test_lists_of_deployments_are_filtered_ordered_and_cut_into_pages(facts: Facts) -> None:
    listed = facts["listed"]

    assert listed["names"] == ["Page 2", "Page 1", "Page 0"]
    assert (listed["total"], listed["first_page"]) == (3, 2)
    assert listed["filtered"] == ["Page 1"]
    assert all(each.keys() == {"name", "displayName"} for each in listed["masked"])
    assert told(listed["filter"]) == ("BadRequestError", 3, "filter")
    assert told(listed["page_token"]) == ("BadRequestError", 3, "pageToken")


@pytest.mark.parametrize(
    ("what", "kind", "code", "param"),
    [
        ("accelerator", "BadRequestError", 3, "acceleratorType"),
        ("counts", "BadRequestError", 3, "maxReplicaCount"),
        ("window", "BadRequestError", 3, "autoscalingPolicy.scaleToZeroWindow"),
        ("precision", "BadRequestError", 3, "precision"),
        ("size", "BadRequestError", 3, "acceleratorCount"),
        ("model", "BadRequestError", 3, "baseModel"),
        ("id", "BadRequestError", 3, "deploymentId"),
        ("taken", "ConflictError", 6, None),
        ("immutable", "BadRequestError", 3, "baseModel"),
        ("stale", "ConflictError", 6, "etag"),
        ("if_match", "ConflictError", 6, "etag"),
        ("other_account", "NotFoundError", 5, None),
        ("list_of_another", "NotFoundError", 5, None),
        ("undelete", "ConflictError", 6, None),
    ],
)
def test_a_deployment_that_cannot_be_is_refused_by_the_field(
    facts: Facts, what: str, kind: str, code: int, param: str | None
) -> None:
    assert told(facts["errors"][what]) == (kind, code, param)


def test_a_bare_model_id_and_fields_without_effect_are_told_of(facts: Facts) -> None:
    errors = facts["errors"]

    assert errors["made"]["baseModel"] == MODEL
    assert errors["headers"]["ignored"] == "draftTokenCount,shoeSize"
    assert errors["headers"]["request_id"]
    assert errors["fresh"]["description"] == "x"
    assert errors["fresh"]["etag"] != errors["made"]["etag"]
    assert "are missing" in errors["size"]["body"]["message"]


def test_its_asynchronous_client_runs_deployments_too(facts: Facts) -> None:
    asked = facts["asked"]

    assert asked["made"] == asked["found"]
    assert asked["changed"] == "Two"
    assert asked["listed"]
    assert asked["undeleted"] == "CREATING"
