"""Counts that a person sets, and what becomes of them."""

from __future__ import annotations

import pytest

from hearth.deployments.autoscaling import AUTO_DELETE_S, Policy, Reason
from tests.deployments.autoscaling.virtual import START_S, Deployment


@pytest.mark.parametrize(("asked", "given"), [(0, 0), (3, 3), (4, 4), (9, 4), (-1, 0)])
def test_a_count_by_hand_holds_at_once_within_zero_and_the_maximum(asked: int, given: int) -> None:
    deployment = Deployment(Policy(min_replicas=1, max_replicas=4))

    scaling = deployment.scale(asked)

    assert (scaling.desired, scaling.reason) == (given, Reason.SET_BY_HAND)
    assert (str(asked) in scaling.message) == (asked in {3, 4, 9, -1})


def test_a_count_by_hand_lasts_a_whole_window_and_then_follows_the_load() -> None:
    deployment = Deployment(Policy(max_replicas=4))
    deployment.run(lambda _: 0.5, 1000)

    deployment.scale(4)
    deployment.run(lambda _: 0.5, 700)

    assert deployment.changes == [(1000, 4, Reason.SET_BY_HAND), (1601, 1, Reason.LOAD_FELL)]


def test_zero_by_hand_stays_below_a_minimum_until_a_request_comes() -> None:
    deployment = Deployment(Policy(min_replicas=2, max_replicas=4), desired=2)
    deployment.run(lambda _: 1.0, 60)
    deployment.scale(0)
    deployment.run(lambda _: 0.0, 5000, tick_s=10)

    deployment.see(1.0)

    assert deployment.changes == [(60, 0, Reason.SET_BY_HAND), (5060, 2, Reason.WOKEN)]


def test_what_still_runs_when_zero_is_set_does_not_wake_it() -> None:
    deployment = Deployment(Policy(max_replicas=4), desired=2)
    deployment.run(lambda _: 1.0, 60)
    deployment.last_request_s = START_S + 60.5
    deployment.now_s = 61
    deployment.scale(0)

    for _ in range(30):
        deployment.now_s += 1
        deployment.see(1.0, is_new=False)

    assert deployment.desired == 0


def test_a_count_by_hand_is_use_for_the_idle_window() -> None:
    deployment = Deployment(Policy(max_replicas=4), desired=0)
    deployment.run(lambda _: 0.0, 4000, tick_s=10)

    deployment.scale(2)
    deployment.run(lambda _: 0.0, 3700, tick_s=10)

    assert deployment.changes[1:] == [(4610, 1, Reason.LOAD_FELL), (7600, 0, Reason.IDLE)]


def test_after_seven_idle_days_it_may_be_deleted() -> None:
    deployment = Deployment(Policy(), desired=0)

    before = deployment.run(lambda _: 0.0, AUTO_DELETE_S - 600, tick_s=600)
    after = deployment.run(lambda _: 0.0, 600, tick_s=600)

    assert not before.is_deletable
    assert after.is_deletable


def test_with_a_minimum_it_is_never_to_be_deleted() -> None:
    deployment = Deployment(Policy(min_replicas=1), desired=1)

    assert not deployment.run(lambda _: 0.0, AUTO_DELETE_S + 600, tick_s=600).is_deletable
