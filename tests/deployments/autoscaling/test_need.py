"""How many replicas a load calls for, and policies that contradict themselves."""

from __future__ import annotations

import pytest

from hearth.deployments.autoscaling import (
    Observation,
    Policy,
    Schedule,
    check_policy,
    replicas_needed,
)
from hearth.errors import InvalidRequest

BUSY = Observation(
    ready_replicas=2,
    busy_slots=32,
    slots_per_replica=16,
    tokens_generated_per_second=900,
    prompt_tokens_per_second=12_000,
    requests_per_second=7,
    concurrent_requests=40,
)


@pytest.mark.parametrize(
    ("targets", "needed"),
    [
        ({}, 3),
        ({"default": 0.8}, 3),
        ({"default": 1.0}, 2),
        ({"tokens_generated_per_second": 300}, 3),
        ({"tokens_generated_per_second": 150}, 6),
        ({"prompt_tokens_per_second": 10_000}, 2),
        ({"requests_per_second": 1}, 7),
        ({"concurrent_requests": 10}, 4),
        ({"concurrent_requests": 10, "requests_per_second": 1, "default": 0.8}, 7),
    ],
)
def test_the_target_that_needs_most_wins(targets: dict[str, float], needed: int) -> None:
    assert replicas_needed(Policy(load_targets=targets), BUSY) == needed


def test_what_is_exactly_at_its_target_needs_no_more() -> None:
    observed = Observation(ready_replicas=3, busy_slots=2.4000000000000004)

    assert replicas_needed(Policy(), observed) == 3


def test_nothing_to_do_needs_nothing() -> None:
    assert replicas_needed(Policy(), Observation(ready_replicas=1)) == 0


@pytest.mark.parametrize(
    ("policy", "param"),
    [
        (Policy(min_replicas=-1), "minReplicaCount"),
        (Policy(min_replicas=3, max_replicas=2), "maxReplicaCount"),
        (Policy(scale_up_window_s=-1), "autoscalingPolicy.scaleUpWindow"),
        (Policy(scale_down_window_s=-1), "autoscalingPolicy.scaleDownWindow"),
        (Policy(scale_to_zero_window_s=299), "autoscalingPolicy.scaleToZeroWindow"),
        (Policy(load_targets={"default": 0}), "autoscalingPolicy.loadTargets.default"),
        (Policy(load_targets={"default": 1.5}), "autoscalingPolicy.loadTargets.default"),
        (Policy(load_targets={"speed": 1}), "autoscalingPolicy.loadTargets.speed"),
        (
            Policy(schedules={"day": Schedule(cron="0 9 * *", duration_s=600, min_replicas=1)}),
            "autoscalingPolicy.scalingSchedules.day",
        ),
        (
            Policy(schedules={"day": Schedule(cron="0 9 * * *", duration_s=600, min_replicas=2)}),
            "autoscalingPolicy.scalingSchedules.day",
        ),
        (
            Policy(schedules={"day": Schedule(cron="0 9 * * *", duration_s=1, min_replicas=1)}),
            "autoscalingPolicy.scalingSchedules.day",
        ),
        (
            Policy(schedules={"day": Schedule(cron="0 9 * * *", duration_s=600)}),
            "autoscalingPolicy.scalingSchedules.day",
        ),
        (
            Policy(
                schedules={
                    "day": Schedule(
                        cron="0 9 * * *", duration_s=600, timezone="Mars/Base", min_replicas=1
                    )
                }
            ),
            "autoscalingPolicy.scalingSchedules.day",
        ),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused_by_field(policy: Policy, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_policy(policy)

    assert refused.value.param == param


def test_the_contracts_defaults_pass() -> None:
    check_policy(Policy())
    check_policy(Policy(max_replicas=0))
