"""Days in virtual time: nothing is lost from the counts, and the same seed gives the same day."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from hearth.deployments.placement import hourly_prices, shipped_inventory
from hearth.deployments.simulation import STEP_S, Drop, Loss, Report, Scenario, render, simulate
from hearth.deployments.simulation.queueing import PATIENCE_S, Queue
from hearth.deployments.simulation.workload import draw_tenants, poisson, share_of_peak
from hearth.errors import InvalidRequest
from hearth.pricing import shipped_book
from tests.deployments.placement.worlds import H100, THREE

PRICES = hourly_prices(shipped_book())
SHORT = Scenario(
    inventory=shipped_inventory(), prices=PRICES, hours=4, num_deployments=18, spike=3.0
)
LOST = replace(SHORT, losses=(Loss(region="us-west-2", from_h=1.5, hours=1),))


@pytest.fixture(scope="module")
def lost() -> Report:
    return simulate(LOST)


def test_every_request_is_served_dropped_or_still_waits(lost: Report) -> None:
    total = lost.total

    assert total.arrived > 100_000
    assert total.arrived == total.served + total.num_dropped + lost.still_waiting
    assert total.arrived == sum(row.arrived for row in lost.timeline)
    assert total.arrived == sum(row.arrived for row in lost.regions)


def test_the_same_seed_gives_the_same_day_and_another_another(lost: Report) -> None:
    assert simulate(LOST) == lost
    assert simulate(replace(LOST, seed=2)).total.arrived != lost.total.arrived


def test_costs_of_hours_and_regions_add_up_but_for_roundings(lost: Report) -> None:
    total = lost.total.cost_nano

    assert total > 0
    assert abs(total - sum(row.cost_nano for row in lost.timeline)) <= lost.hours
    assert abs(total - sum(row.cost_nano for row in lost.regions)) <= len(lost.regions)


def test_a_lost_region_cuts_requests_moves_replicas_and_comes_back(lost: Report) -> None:
    assert lost.total.dropped[Drop.REGION_LOST] > 0
    assert any("us-west-2 lost" in event for event in lost.timeline[1].events)
    assert any("us-west-2 is back" in event for event in lost.timeline[2].events)


def test_nothing_is_held_in_a_region_that_is_lost_all_day() -> None:
    gone = Loss(region="us-west-2", from_h=0, hours=24)

    report = simulate(replace(SHORT, losses=(gone,)))

    held = {row.region: row.accelerator_hours for row in report.regions}
    assert held["us-west-2"] == 0
    assert sum(held.values()) > 0


def test_no_more_is_held_than_there_is() -> None:
    crowded = replace(SHORT, inventory=THREE, prices={H100: 1}, num_deployments=60)

    report = simulate(crowded)

    assert report.peak_accelerators <= report.capacity
    assert report.waited_for_capacity_s > 0
    assert report.total.dropped


def test_what_is_given_back_serves_the_next_day() -> None:
    days = replace(SHORT, inventory=THREE, prices={H100: 1}, num_deployments=6, hours=48)

    hours = simulate(replace(days, spike=1.0)).timeline

    first, second = (sum(row.served for row in hours[at : at + 12]) for at in (12, 36))
    assert second == pytest.approx(first, rel=0.1)


def test_one_accelerator_all_day_costs_its_price_by_the_hour() -> None:
    quiet = replace(SHORT, inventory=THREE, prices={H100: 3_600_000_000}, spike=1.0)

    report = simulate(quiet)

    priced_h = report.accelerator_hours - report.unpriced_accelerator_hours
    assert report.total.cost_nano == round(priced_h * 3_600_000_000)


def test_a_region_that_is_not_there_cannot_be_lost() -> None:
    with pytest.raises(InvalidRequest, match="no region 'atlantis'"):
        simulate(replace(SHORT, losses=(Loss(region="atlantis", from_h=0, hours=1),)))


def test_the_page_has_a_row_for_every_hour_and_region(lost: Report) -> None:
    lines = render(lost).splitlines()

    assert [line[:5] for line in lines if line[2:5] == ":00"] == [
        f"0{hour}:00" for hour in range(4)
    ]
    assert sum(line.startswith(f"{row.region} ") for row in lost.regions for line in lines) == 18


def test_tenants_call_most_in_the_afternoon_and_some_not_at_night() -> None:
    tenants = draw_tenants(replace(SHORT, num_deployments=200))

    assert all(share_of_peak(tenant, 14.0) == 1.0 for tenant in tenants)
    assert {share_of_peak(tenant, 2.0) > 0 for tenant in tenants} == {True, False}
    assert all(0 <= share_of_peak(tenant, hour) <= 1 for tenant in tenants for hour in range(24))


@pytest.mark.parametrize("mean", [0.0, 0.3, 5.0, 29.0, 400.0])
def test_arrivals_have_the_mean_they_are_drawn_with(mean: float) -> None:
    random = Random(3)

    drawn = [poisson(random, mean) for _ in range(4000)]

    assert min(drawn) >= 0
    assert sum(drawn) / len(drawn) == pytest.approx(mean, abs=0.05 * mean + 0.02)


def test_a_queue_serves_what_it_can_and_sends_away_who_waits_too_long() -> None:
    queue = Queue(service_s=10.0)

    first = queue.step(arrived=500, slots=10, seconds=STEP_S)

    assert first.served == 30  # one a second
    assert queue.waiting == PATIENCE_S
    assert first.gave_up == 500 - 30 - PATIENCE_S
    assert queue.running == 10
    second = queue.step(arrived=0, slots=10, seconds=STEP_S)
    assert (second.served, queue.waiting) == (30, 30)
    assert second.wait_s >= PATIENCE_S


def test_parts_of_requests_are_served_over_several_steps() -> None:
    queue = Queue(service_s=60.0)

    served = [queue.step(arrived=1, slots=1, seconds=STEP_S).served for _ in range(14)]

    assert sum(served) == 7


def test_busy_slots_make_waiting_by_chance_longer() -> None:
    def wait_s(arrived: int) -> float:
        return Queue(service_s=2.0).step(arrived, slots=4, seconds=STEP_S).wait_s

    assert 0 <= wait_s(1) < wait_s(30) < wait_s(55)
