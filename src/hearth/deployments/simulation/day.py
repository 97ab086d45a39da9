"""A day of load on an inventory: the same placement and autoscaling as the real ones, no clock.

What is assumed and not decided by them: how long a replica takes to start (`fleet`), how fast it
answers (`workload`), how long callers wait (`queueing`).
"""

from __future__ import annotations

from random import Random
from typing import Final

from hearth.deployments.autoscaling import Observation, bounds_at, replicas_needed
from hearth.deployments.placement import Planner
from hearth.deployments.simulation.fleet import Fleet
from hearth.deployments.simulation.tally import Tally
from hearth.deployments.simulation.types import Drop, Loss, Report, Scenario, Tenant
from hearth.deployments.simulation.workload import (
    START_S,
    draw_spikes,
    draw_tenants,
    hours_east,
    poisson,
    share_of_peak,
)
from hearth.errors import InvalidRequest

STEP_S: Final = 30
"Also the shortest window of the autoscaler's defaults."
_HOUR_S: Final = 3600
_DAY_H: Final = 24.0


def simulate(scenario: Scenario) -> Report:
    """Run the day.

    Raises:
        InvalidRequest: a region that is to be lost is not in the inventory.
    """
    names = [region.name for region in scenario.inventory.regions]
    for loss in scenario.losses:
        if loss.region not in names:
            raise InvalidRequest(
                f"There is no region {loss.region!r} to lose. Known are {', '.join(names)}.",
                param="lose",
            )
    day = _Day(scenario)
    for step in range(scenario.hours * _HOUR_S // STEP_S):
        day.step(step * STEP_S)
    return day.report()


class _Day:
    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._random = Random(f"{scenario.seed} arrivals")  # noqa: S311 # no secret
        self._planner = Planner(scenario.inventory, scenario.prices)
        self._capacity = scenario.inventory.capacity()
        self._free = dict(self._capacity)
        self._lost: set[str] = set()
        self._spikes = draw_spikes(scenario)
        self._east = {region.name: hours_east(region) for region in scenario.inventory.regions}
        self._tally = Tally(scenario.inventory, scenario.hours)
        self._fleets = [self._fleet(tenant) for tenant in draw_tenants(scenario)]

    def step(self, at_s: int) -> None:
        """Let the next `STEP_S` seconds pass; `at_s` is since the start."""
        hour, now_s = at_s // _HOUR_S, START_S + at_s
        for loss in self._scenario.losses:
            self._lose_or_return(loss, at_s)
        factors = self._factors(hour, now_s)
        ready_now = 0
        for fleet in self._fleets:
            ready = fleet.ready(now_s)
            ready_now += ready
            self._serve(fleet, ready, factors.get(fleet.tenant.home, 1.0), at_s)
            self._reconcile(fleet, now_s)
        waiting = sum(fleet.missing for fleet in self._fleets)
        self._tally.pass_time(hour, STEP_S, waiting)
        self._tally.rows[hour].replicas = ready_now

    def report(self) -> Report:
        """What became of it."""
        tally, scenario = self._tally, self._scenario
        meters = tally.meters.values()
        return Report(
            seed=scenario.seed,
            hours=scenario.hours,
            deployments=scenario.num_deployments,
            timeline=tally.timeline(),
            total=tally.total(),
            wait_p50_s=tally.wait_s(0.5),
            wait_p95_s=tally.wait_s(0.95),
            accelerator_hours=sum(meter.held_s for meter in meters) / _HOUR_S,
            unpriced_accelerator_hours=sum(meter.unpriced_s for meter in meters) / _HOUR_S,
            peak_accelerators=tally.peak,
            capacity=sum(self._capacity.values()),
            scalings=sum(fleet.scalings for fleet in self._fleets),
            still_waiting=sum(fleet.queue.waiting for fleet in self._fleets),
            waited_for_capacity_s=tally.waited_for_capacity_s,
            regions=tally.regions(),
        )

    def _fleet(self, tenant: Tenant) -> Fleet:
        """A deployment that has run for an hour under the load that the day begins with."""
        clock_h = self._east[tenant.home] % _DAY_H
        busy = tenant.peak_per_s * share_of_peak(tenant, clock_h) * tenant.service_s
        load = Observation(
            ready_replicas=0, busy_slots=busy, slots_per_replica=tenant.slots_per_replica
        )
        needed = replicas_needed(tenant.policy, load)
        fleet = Fleet(tenant, bounds_at(tenant.policy, START_S).clamp(needed), START_S)
        self._reconcile(fleet, START_S - _HOUR_S)
        return fleet

    def _factors(self, hour: int, now_s: float) -> dict[str, float]:
        """How much more than usual comes from each region; new spikes are told."""
        factors = {}
        for spike in self._spikes:
            if spike.from_s <= now_s < spike.until_s:
                factors[spike.region] = spike.factor
                if now_s - spike.from_s < STEP_S:
                    minutes = round((spike.until_s - spike.from_s) / 60)
                    told = f"spike x{spike.factor:.1f} from {spike.region}, {minutes} min"
                    self._tally.rows[hour].events.append(told)
        return factors

    def _serve(self, fleet: Fleet, ready: int, factor: float, at_s: int) -> None:
        tenant, tally, hour = fleet.tenant, self._tally, at_s // _HOUR_S
        clock_h = (at_s / _HOUR_S + self._east[tenant.home]) % _DAY_H
        per_s = tenant.peak_per_s * share_of_peak(tenant, clock_h) * factor
        arrived = poisson(self._random, per_s * STEP_S)
        tally.arrive(hour, tenant.home, arrived)
        if ready:
            done = fleet.queue.step(arrived, ready * tenant.slots_per_replica, STEP_S)
            tally.serve(hour, done.served, done.wait_s)
            tally.drop(hour, Drop.GAVE_UP, done.gave_up)
        else:
            tally.drop(hour, Drop.NO_REPLICA, arrived + fleet.queue.clear())
        fleet.observe(arrived, STEP_S, ready, START_S + at_s)

    def _reconcile(self, fleet: Fleet, now_s: float) -> None:
        """Make what runs what is wanted, as far as there is room."""
        surplus = fleet.release()
        self._tally.change(surplus, -1)
        for place in surplus:
            self._free[place.key] += place.taken
        while fleet.missing:
            found = self._planner.plan(self._free, fleet.tenant.ask).place
            if found is None:
                return
            self._free[found.key] -= found.taken
            self._tally.change([found], 1)
            fleet.add(found, now_s)

    def _lose_or_return(self, loss: Loss, at_s: int) -> None:
        is_lost = loss.from_h <= at_s / _HOUR_S < loss.from_h + loss.hours
        if is_lost == (loss.region in self._lost):
            return
        events = self._tally.rows[at_s // _HOUR_S].events
        keys = [key for key in self._capacity if key[0] == loss.region]
        if not is_lost:
            self._lost.discard(loss.region)
            self._free |= {key: self._capacity[key] for key in keys}
            events.append(f"{loss.region} is back")
            return
        self._lost.add(loss.region)
        replicas, requests = self._evict(loss.region, at_s)
        self._free |= dict.fromkeys(keys, 0)
        events.append(f"{loss.region} lost: {replicas} replicas, {requests} requests")

    def _evict(self, region: str, at_s: int) -> tuple[int, int]:
        replicas = requests = 0
        for fleet in self._fleets:
            places, cut = fleet.lose(region, START_S + at_s)
            self._tally.change(places, -1)
            self._tally.cut((at_s - STEP_S) // _HOUR_S, cut)
            replicas += len(places)
            requests += cut
        return replicas, requests
