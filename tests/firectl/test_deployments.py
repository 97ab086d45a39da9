"""Deployments: what is sent, what happens when a model does not fit, and waiting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.firectl.terminal import Reply, World, typed

NAME = "accounts/dev/deployments/d1"


def standing(state: str, ready: int = 0, message: str = "", **more: Any) -> Reply:
    """The deployment in a state."""
    status = {"code": "OK", "message": message}
    stats = {"readyReplicaCount": ready}
    body = {"name": NAME, "state": state, "status": status, "replicaStats": stats}
    return Reply(body=body | {"desiredReplicaCount": 2} | more)


def too_small(smallest: int) -> Reply:
    message = "70B in FP16 needs 141 GB and 2 x NVIDIA_H100_80GB have 136 GB: 5 GB are missing."
    return Reply(
        status=400,
        body={
            "code": 3,
            "message": message,
            "details": [{"smallestAcceleratorCount": smallest}],
            "error": {"message": message, "param": "acceleratorCount"},
        },
    )


def test_gpu_count_is_raised_once_to_what_the_model_needs(world: World) -> None:
    world.on("POST", "deployments", too_small(4), standing("CREATING"))

    ran = typed("create", "deployment", "m", "--gpu-type", "h100", "--gpu-count", "2")

    counts = [each.body["acceleratorCount"] for each in world.received]
    assert (ran.status, counts) == (0, [2, 4])
    assert ran.err == "firectl: m needs 4 accelerators, not 2; each replica gets 4\n"
    assert "\nState: CREATING\n" in ran.out


def test_gpu_count_is_not_raised_for_ever(world: World) -> None:
    world.on("POST", "deployments", too_small(4), too_small(8))

    ran = typed("create", "deployment", "m", "--gpu-count", "2")

    assert (ran.status, len(world.received)) == (1, 2)


@pytest.mark.parametrize("refusal", [too_small(2), Reply(status=400, body={"message": "no"})])
def test_what_more_accelerators_would_not_help_is_sent_once(world: World, refusal: Reply) -> None:
    world.on("POST", "deployments", refusal)

    assert typed("create", "deployment", "m", "--gpu-count", "2").status == 1
    assert len(world.received) == 1


def test_accelerator_count_is_taken_at_its_word(world: World) -> None:
    world.on("POST", "deployments", too_small(4))

    ran = typed("create", "deployment", "m", "--accelerator-count", "2")

    assert (ran.status, len(world.received)) == (1, 1)
    assert "5 GB are missing" in ran.err


@pytest.mark.parametrize(
    ("flags", "bounds"),
    [
        ("--auto-scale true", (0, 2)),
        ("--auto-scale true --max-replicas 5", (0, 5)),
        ("--auto-scale true --min-replica-count 3", (3, 3)),
        ("--auto-scale false", (1, 1)),
        ("--auto-scale false --max-replicas 3", (3, 3)),
        ("--min-replicas 1 --max-replicas 3", (1, 3)),
    ],
)
def test_auto_scale_becomes_bounds(world: World, flags: str, bounds: tuple[int, int]) -> None:
    body = typed("create", "deployment", "m", *flags.split(), "--dry-run").body

    assert (body["minReplicaCount"], body["maxReplicaCount"]) == bounds


def test_a_fixed_number_cannot_be_a_range() -> None:
    flags = "--auto-scale false --min-replicas 1 --max-replicas 3 --dry-run"

    ran = typed("create", "deployment", "m", *flags.split())

    assert ran.status == 2
    assert "give one number" in ran.err


def test_a_file_is_the_start_and_flags_change_it(world: World, home: Path) -> None:
    path = home / "cfg.json"
    path.write_text(
        json.dumps({"baseModel": "m", "placement": {"region": "a"}, "precision": "FP8"})
    )

    flags = f"--file {path} --precision fp4 --fallback-regions b --dry-run"
    ran = typed("create", "deployment", *flags.split())

    placement = {"region": "a", "regions": ["b"]}
    assert ran.body == {"baseModel": "m", "placement": placement, "precision": "FP4"}
    path.write_text("[]")
    assert "one JSON object" in typed("create", "deployment", "--file", str(path)).err


def test_waiting_prints_each_change_once_in_a_pipe(world: World) -> None:
    world.on("POST", "deployments", standing("CREATING"))
    slow = standing("CREATING", 0, "downloading the model")
    world.on("GET", "deployments/d1", slow, slow, standing("CREATING", 1), standing("READY", 2))

    ran = typed("create", "deployment", "m", "--wait", "-o", "json")

    assert (ran.status, ran.body["state"]) == (0, "READY")
    assert ran.err.splitlines() == [
        "d1: CREATING, 0/2 replicas ready, downloading the model",
        "d1: CREATING, 1/2 replicas ready",
        "d1: READY, 2/2 replicas ready",
    ]


def test_waiting_rewrites_one_line_on_a_terminal(world: World) -> None:
    world.on("POST", "deployments", standing("CREATING"))
    world.on("GET", "deployments/d1", standing("CREATING", 1), standing("READY", 2))

    ran = typed("create", "deployment", "m", "--wait", live=True)

    assert ran.err.split("\r\x1b[K")[1:] == [
        "d1: CREATING, 1/2 replicas ready",
        "d1: READY, 2/2 replicas ready\n",
    ]


def test_waiting_ends_with_the_reason_of_a_failure(world: World) -> None:
    world.on("POST", "deployments", standing("CREATING"))
    world.on("GET", "deployments/d1", standing("FAILED", 0, "the weights are damaged"))

    ran = typed("create", "deployment", "m", "--wait")

    assert ran.status == 1
    assert ran.err.endswith(f"firectl: {NAME} is FAILED: the weights are damaged\n")


def test_waiting_gives_up_in_time_with_a_status_of_its_own(world: World) -> None:
    world.on("POST", "deployments", standing("CREATING"))
    world.on("GET", "deployments/d1", standing("CREATING", 0, "no room in us-west-2"))

    ran = typed("create", "deployment", "m", "--wait", "--wait-timeout", "10ms")

    assert ran.status == 5
    assert (
        "no room in us-west-2. It goes on; look again with `firectl get deployment d1`" in ran.err
    )


def test_scaling_waits_until_as_many_replicas_are_ready(world: World) -> None:
    world.on("PATCH", "deployments/d1:scale", Reply())
    world.on("GET", "deployments/d1", standing("READY", 1), standing("READY", 4))

    ran = typed("scale", "d1", "--replica-count", "4", "--wait")

    assert ran.status == 0
    assert world.last("PATCH").body == {"replicaCount": 4}
    assert len(world.received) == 3


def test_deleting_waits_until_it_is_gone(world: World) -> None:
    world.on("DELETE", "deployments/d1", Reply())
    world.on("GET", "deployments/d1", standing("DELETING", 1), standing("DELETED"))

    ran = typed("delete", "deployment", "d1", "--hard", "--ignore-checks", "--wait")

    assert (ran.status, ran.out) == (0, "")
    assert world.last("DELETE").query == {"hard": "true", "ignoreChecks": "true"}
    assert ran.err.endswith(f"Deleted {NAME}.\n")


def test_undelete_has_it_back(world: World) -> None:
    world.on("POST", "deployments/d1:undelete", standing("CREATING"))

    assert "State: CREATING" in typed("undelete", "deployment", NAME).out


def test_an_update_sends_only_what_was_given(world: World) -> None:
    world.on("PATCH", "deployments/d1", standing("UPDATING"))

    assert typed("update", "deployment", "d1", "--max-replica-count", "4").status == 0
    assert world.last("PATCH").body == {"maxReplicaCount": 4}
    assert typed("update", "deployment", "d1").status == 2


def test_metrics_are_a_line_each(world: World) -> None:
    metrics = {"metrics": {"tokens_generated_per_second": 264.1, "requests_per_second": 3}}
    world.on("GET", "deployments/d1:metrics", Reply(body=metrics))

    ran = typed("get", "deployment", "d1", "--metrics")

    assert ran.out == "Tokens Generated Per Second: 264.1\nRequests Per Second: 3\n"
    assert typed("get", "deployment", "d1", "--metrics", "-o", "json").body == metrics


def test_an_explanation_is_a_decision_and_a_table_of_what_was_weighed(world: World) -> None:
    body = {
        "decision": {"region": "us-west-2", "pricePerHour": "5.80"},
        "explanation": [
            {"candidate": "us-west-2", "verdict": "chosen", "why": "the cheapest that fits"},
            {"candidate": "eu-west-1", "verdict": "possible", "why": "dearer by 0.40"},
        ],
        "replicas": [{"name": "r1", "region": "us-west-2"}],
    }
    world.on("GET", "deployments/d1:explain", Reply(body=body))

    ran = typed("get", "deployment", "d1", "--explain")

    assert ran.out.splitlines() == [
        "Region: us-west-2",
        "Price Per Hour: 5.80",
        "",
        "CANDIDATE  VERDICT   WHY",
        "us-west-2  chosen    the cheapest that fits",
        "eu-west-1  possible  dearer by 0.40",
        "",
        "NAME  REGION",
        "r1    us-west-2",
    ]
    assert typed("get", "deployment", "d1", "--explain", "-o", "json").body == body


def test_what_the_server_does_not_use_is_said(world: World) -> None:
    ignored = {"x-ignored-fields": "draftModel, enableMtp"}
    world.on("POST", "deployments", Reply(body={"name": NAME}, headers=ignored))

    ran = typed("create", "deployment", "m", "--draft-model", "x", "--enable-mtp")

    assert ran.err == "firectl: this server takes but does not use: draftModel, enableMtp\n"


def test_a_flag_of_an_older_firectl_is_taken_and_said_to_do_nothing(world: World) -> None:
    flags = "--unused-auto-delete-duration 168h --dry-run"

    ran = typed("create", "deployment", "m", *flags.split())

    assert (ran.status, ran.body) == (0, {"baseModel": "m"})
    assert "does nothing now" in ran.err


def test_router_weights_go_with_their_deployments(world: World) -> None:
    flags = "r1 --deployments a,b --weights 70,30 --dry-run"
    ran = typed("create", "router", *flags.split())

    assert ran.request.endswith("/routers?routerId=r1")
    assert ran.body == {
        "deployments": ["a", "b"],
        "weightedRandom": {"weights": {"a": 70, "b": 30}},
    }
    ran = typed("create", "router", "r1", "--deployments", "a", "--weights", "1,2")
    assert (ran.status, "one share each" in ran.err) == (2, True)


def test_adapters_are_loaded_and_found_again_to_unload(world: World) -> None:
    loaded = {
        "name": "accounts/dev/deployedModels/lora-1",
        "model": "accounts/dev/models/lora",
        "deployment": NAME,
        "state": "DEPLOYING",
    }
    world.on("POST", "deployedModels", Reply(body=loaded))
    world.on("GET", "deployedModels/lora-1", Reply(body=loaded | {"state": "DEPLOYED"}))
    world.on("GET", "deployedModels", Reply(body={"deployedModels": [loaded]}))
    world.on("DELETE", "deployedModels/lora-1", Reply())

    ran = typed("load-lora", "lora", "--deployment", "d1", "--replace-merged-addon", "--wait")
    assert (ran.status, "State: DEPLOYED" in ran.out) == (0, True)
    assert world.last("POST").body == {"model": "lora", "deployment": "d1"}
    assert world.last("POST").query == {"replaceMergedAddon": "true"}

    assert typed("unload-lora", "lora", "--deployment", "other").status == 3
    assert typed("unload-lora", "lora", "--deployment", "d1").status == 0


def test_an_update_can_be_bound_to_what_was_seen(world: World) -> None:
    stale = {"code": 10, "message": "The deployment has changed; get it and try again."}
    world.on("PATCH", "deployments/d1", Reply(status=409, body=stale))

    ran = typed("update", "deployment", "d1", "--max-replicas", "4", "--etag", "abc")

    assert (ran.status, ran.err) == (1, f"firectl: {stale['message']}\n")
    assert world.last("PATCH").headers["if-match"] == "abc"
    assert world.last("PATCH").body == {"maxReplicaCount": 4}
