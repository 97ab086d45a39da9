"""Up after the up window, down after the down window, to zero after the third: to the second."""

from __future__ import annotations

import random

import pytest

from hearth.deployments.autoscaling import Policy, Reason
from tests.deployments.autoscaling.virtual import Deployment, Load


def policy(**changes: object) -> Policy:
    return Policy(**({"max_replicas": 10} | changes))  # type: ignore[arg-type] # a test's choice


def steps(width_s: int, *loads: float) -> Load:
    """Each load for so long, the last one for ever."""
    return lambda now: loads[min(int(now) // width_s, len(loads) - 1)]


def test_replicas_are_added_when_the_need_lasted_for_the_whole_window() -> None:
    deployment = Deployment(policy())

    deployment.run(lambda now: 0.5 if now < 100 else 3.0, 300)

    assert deployment.changes == [(130, 4, Reason.LOAD_ROSE)]


def test_a_spike_shorter_than_the_window_adds_nothing() -> None:
    deployment = Deployment(policy())

    deployment.run(lambda now: 9.0 if 100 <= now < 129 else 0.5, 400)

    assert deployment.changes == []


def test_the_least_need_of_the_window_decides_how_many_are_added() -> None:
    deployment = Deployment(policy())

    deployment.run(steps(100, 0.5, 2.0, 5.0), 135)

    assert deployment.changes == [(130, 3, Reason.LOAD_ROSE)]


def test_replicas_are_taken_away_when_they_were_too_many_for_the_whole_window() -> None:
    deployment = Deployment(policy(), desired=6)

    deployment.run(lambda now: 4.8 if now < 1000 else 1.0, 3000)

    assert deployment.changes == [(1600, 2, Reason.LOAD_FELL)]


def test_a_longer_up_window_does_not_delay_the_way_down() -> None:
    deployment = Deployment(policy(scale_up_window_s=900), desired=6)

    deployment.run(lambda now: 4.8 if now < 1000 else 1.0, 3000)

    assert deployment.changes == [(1600, 2, Reason.LOAD_FELL)]


def test_the_greatest_need_of_the_window_decides_how_many_stay() -> None:
    deployment = Deployment(policy(), desired=6)

    deployment.run(steps(500, 4.8, 3.0, 1.0), 2000)

    assert deployment.changes == [(1100, 4, Reason.LOAD_FELL), (1600, 2, Reason.LOAD_FELL)]


def test_the_last_replica_goes_only_when_nobody_asked_for_an_hour() -> None:
    deployment = Deployment(policy(), desired=3)

    deployment.run(lambda now: 2.0 if now <= 50 else 0.0, 5000)

    assert deployment.changes == [(651, 1, Reason.LOAD_FELL), (3650, 0, Reason.IDLE)]


def test_a_request_brings_one_replica_back_at_once() -> None:
    deployment = Deployment(policy(), desired=0)

    deployment.run(lambda now: 0.0 if now < 100 else 5.0, 140)

    assert deployment.changes == [(100, 1, Reason.WOKEN), (131, 7, Reason.LOAD_ROSE)]


def test_a_single_request_wakes_for_one_whole_idle_window() -> None:
    deployment = Deployment(policy(scale_to_zero_window_s=300), desired=0)

    deployment.run(lambda now: float(now == 100), 1000)

    assert deployment.changes == [(100, 1, Reason.WOKEN), (400, 0, Reason.IDLE)]


def test_a_long_answer_counts_as_use() -> None:
    deployment = Deployment(policy(scale_to_zero_window_s=300))

    deployment.run(lambda now: 0.5 if now < 2000 else 0.0, 2400)

    assert deployment.changes == [(2299, 0, Reason.IDLE)]


def test_a_minimum_is_never_left_however_idle() -> None:
    deployment = Deployment(policy(min_replicas=2), desired=2)

    deployment.run(lambda _: 0.0, 10_000, tick_s=10)

    assert deployment.changes == []


def test_the_maximum_is_never_passed_however_busy() -> None:
    deployment = Deployment(policy(max_replicas=3))

    deployment.run(lambda _: 100.0, 1000)

    assert deployment.changes == [(31, 3, Reason.LOAD_ROSE)]


def test_new_bounds_hold_at_once() -> None:
    deployment = Deployment(policy(), desired=5)
    deployment.run(lambda _: 3.5, 60)

    deployment.under(max_replicas=2)
    deployment.run(lambda _: 3.5, 60)
    deployment.under(min_replicas=4, max_replicas=4)
    deployment.run(lambda _: 3.5, 60)

    assert deployment.changes == [(61, 2, Reason.BOUNDS), (121, 4, Reason.BOUNDS)]


def test_windows_of_no_length_follow_every_second() -> None:
    deployment = Deployment(policy(scale_up_window_s=0, scale_down_window_s=0))

    deployment.run(steps(1, 0.5, 2.0, 4.0, 1.0), 3)

    assert [count for _, count, _ in deployment.changes] == [3, 5, 2]


@pytest.mark.parametrize("seed", range(5))
def test_noise_around_a_target_does_not_flap(seed: int) -> None:
    noise = random.Random(seed)
    deployment = Deployment(policy(), desired=4)

    deployment.run(lambda _: 3.2 * noise.uniform(0.85, 1.15), 4 * 3600)

    assert len(deployment.changes) <= 2
    assert {count for _, count, _ in deployment.changes} <= {4, 5}


def test_a_slow_wave_moves_up_and_down_once_each_way() -> None:
    deployment = Deployment(policy(), desired=1)

    deployment.run(lambda now: 0.7 + 5 * max(0, 1 - abs(now - 7200) / 3600), 4 * 3600, tick_s=5)

    counts = [count for _, count, _ in deployment.changes]
    peak = counts.index(max(counts))
    assert counts[: peak + 1] == sorted(counts[: peak + 1])
    assert counts[peak:] == sorted(counts[peak:], reverse=True)


def test_switched_off_it_changes_nothing_by_itself() -> None:
    deployment = Deployment(policy(is_enabled=False), desired=2)

    scaling = deployment.run(lambda _: 50.0, 100)

    assert deployment.changes == []
    assert scaling.reason is Reason.DISABLED
    deployment.under(min_replicas=3)
    deployment.run(lambda _: 0.0, 10_000, tick_s=10)
    assert deployment.changes == [(110, 3, Reason.BOUNDS)]


def test_switched_off_zero_by_hand_stays_whoever_asks() -> None:
    deployment = Deployment(policy(is_enabled=False, min_replicas=2), desired=2)
    deployment.scale(0)

    deployment.run(lambda _: 5.0, 100)

    assert deployment.desired == 0
