"""Who calls what, and when: deployments drawn by a seed, and their requests by the hour."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from hearth.deployments.autoscaling import Policy
from hearth.deployments.placement import (
    Ask,
    Inventory,
    ModelSize,
    Planner,
    Region,
    model_size,
    short_name,
)
from hearth.deployments.simulation.types import Scenario, Tenant

START_S: Final = datetime(2027, 1, 4, tzinfo=UTC).timestamp()
"A Monday, midnight UTC."
_BUSIEST_H = 14.0
_NIGHT_SHARE = 0.12
"Of the load at the busiest hour."
_DAY_H = 24.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A model as deployments use it: plausible figures of an engine that batches."""

    model: ModelSize
    slots: int
    service_s: float


_CONTEXT = 32_768
_KINDS: Final = tuple(
    Kind(model=model_size(name, parameters, _CONTEXT), slots=slots, service_s=service_s)
    for name, parameters, slots, service_s in (
        ("llama-v3p1-8b-instruct", 8_030_261_248, 64, 4.0),
        ("llama-v3p1-70b-instruct", 70_553_706_496, 32, 8.0),
        ("qwen3-30b-a3b", 30_532_122_624, 64, 5.0),
        ("qwen3-235b-a22b", 235_093_634_560, 48, 10.0),
        ("mixtral-8x7b-instruct", 46_702_792_704, 48, 6.0),
        ("deepseek-v3", 671_026_419_200, 48, 15.0),
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spike:
    """More callers than usual in one region, for a while."""

    region: str
    from_s: float
    until_s: float
    factor: float


def draw_tenants(scenario: Scenario) -> list[Tenant]:
    """Deployments at home in every region in turn."""
    random = Random(f"{scenario.seed} tenants")  # noqa: S311 # no secret
    regions = scenario.inventory.regions
    planner = Planner(scenario.inventory, scenario.prices)
    return [
        _tenant(number, regions[number % len(regions)], scenario, planner, random)
        for number in range(scenario.num_deployments)
    ]


def draw_spikes(scenario: Scenario) -> list[Spike]:
    """One a day in each region, between a quarter of an hour and an hour and a half long."""
    random = Random(f"{scenario.seed} spikes")  # noqa: S311 # no secret
    spikes = []
    for region in scenario.inventory.regions:
        for day in range(math.ceil(scenario.hours / _DAY_H)):
            from_s = START_S + 3600 * (_DAY_H * day + random.uniform(0, _DAY_H))
            length_s = random.uniform(900, 5400)
            factor = random.uniform(1 + (scenario.spike - 1) / 2, scenario.spike)
            spikes.append(
                Spike(region=region.name, from_s=from_s, until_s=from_s + length_s, factor=factor)
            )
    return spikes if scenario.spike > 1 else []


def share_of_peak(tenant: Tenant, hour: float) -> float:
    """How much of its peak load comes at an hour of its home's day: most in the afternoon."""
    wave: float = (1 + math.cos(2 * math.pi * (hour - _BUSIEST_H) / _DAY_H)) / 2
    if tenant.sleeps:
        return max(0.0, (wave - 0.3) / 0.7)
    return _NIGHT_SHARE + (1 - _NIGHT_SHARE) * wave * math.sqrt(wave)


def hours_east(region: Region) -> float:
    """How far a region's clock is before UTC on the simulated day."""
    offset = datetime.fromtimestamp(START_S, ZoneInfo(region.timezone)).utcoffset()
    return offset.total_seconds() / 3600 if offset else 0.0


def poisson(random: Random, mean: float) -> int:
    """A number of arrivals: by Knuth's products, or the normal curve where the mean is large."""
    if mean > 30:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count


def _tenant(
    number: int, home: Region, scenario: Scenario, planner: Planner, random: Random
) -> Tenant:
    kind = random.choice(_KINDS)
    sleeps = random.random() < 0.25
    peak_replicas = random.uniform(0.4, 8.0)
    return Tenant(
        name=f"{kind.model.id}-{number + 1}",
        home=home.name,
        ask=_ask(kind, home, scenario.inventory, planner, random),
        policy=Policy(min_replicas=0 if sleeps else 1, max_replicas=math.ceil(peak_replicas * 2)),
        slots_per_replica=kind.slots,
        service_s=kind.service_s,
        peak_per_s=peak_replicas * 0.8 * kind.slots / kind.service_s,
        sleeps=sleeps,
    )


def _ask(kind: Kind, home: Region, inventory: Inventory, planner: Planner, random: Random) -> Ask:
    """At home, with or without fallbacks, or anywhere near; on the kind it likes, where it fits."""
    near = [r.name for r in inventory.regions if r.multi_region is home.multi_region]
    fallbacks = random.sample(near, k=min(2, len(near)))
    choice = random.random()
    open_ask = Ask(model=kind.model, has_own_weights=True, multi_region=home.multi_region)
    if choice < 0.6:
        regions = dict.fromkeys((home.name, *fallbacks))
        open_ask = replace(open_ask, regions=tuple(regions), multi_region="")
    elif choice < 0.7:
        open_ask = replace(open_ask, regions=(home.name,), multi_region="")
    liked = short_name(random.choice(home.stocks).accelerator)
    ask = replace(open_ask, accelerator=liked)
    return ask if planner.plan(inventory.capacity(), ask).place else open_ask
