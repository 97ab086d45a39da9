"""How long placement takes: 1,000 deployments on 18 regions with 10,000 accelerators."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product
from random import Random
from statistics import median

from msgspec import Struct

from benchmarks.figures import Figure
from hearth.deployments.placement import (
    Ask,
    Inventory,
    ModelSize,
    MultiRegion,
    Planner,
    hourly_prices,
    model_size,
    shipped_inventory,
)
from hearth.pricing import shipped_book

NUM_ASKS = 1_000
ROUNDS = 9
MODELS = [
    model_size("llama-v3p1-8b-instruct", 8_030_261_248, 131_072),
    model_size("llama-v3p1-70b-instruct", 70_553_706_496, 131_072),
    model_size("qwen3-235b-a22b", 235_093_634_560, 131_072),
    model_size("deepseek-v3", 671_026_419_200, 131_072),
    model_size("somebody-30b", 30_000_000_000, 32_768),
]


class PlacementRun(Struct):
    """CPU milliseconds for all asks: the median of rounds, each with a new planner."""

    mixed_ms: float
    distinct_ms: float


def run() -> PlacementRun:
    """Place a mix of 60 kinds of asks, and 1,000 of which no two are alike."""
    inventory = shipped_inventory()
    result = PlacementRun(
        mixed_ms=_measure("mixed", inventory, _mixed(inventory)),
        distinct_ms=_measure("distinct", inventory, _distinct(inventory)),
    )
    print(f"placement: {result.mixed_ms:.1f} ms mixed, {result.distinct_ms:.1f} ms distinct")
    return result


def _measure(name: str, inventory: Inventory, asks: list[Ask]) -> float:
    prices = hourly_prices(shipped_book())
    free = inventory.capacity()
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        decisions = Planner(inventory, prices).plan_many(free, asks)
        rounds.append(1e3 * (time.process_time() - start))
    placed = sum(decision.place is not None for decision in decisions)
    print(f"placement: {name}: {len(set(asks))} kinds of asks, {placed} of {len(asks)} placed")
    return median(rounds)


def _mixed(inventory: Inventory) -> list[Ask]:
    """Models, accelerators and rules as deployments have them, in no order."""
    homes = [region.name for region in inventory.regions[::6]]
    variants = product(MODELS, ["", "h100", "h200", "a100"], homes)
    kinds = [_ask(number % 4, *variant) for number, variant in enumerate(variants)]
    return Random(1).choices(kinds, k=NUM_ASKS)


def _distinct(inventory: Inventory) -> list[Ask]:
    """As if every deployment had its own context length."""
    return [
        replace(ask, max_context_tokens=4096 + number)
        for number, ask in enumerate(_mixed(inventory))
    ]


def _ask(rule: int, model: ModelSize, accelerator: str, home: str) -> Ask:
    return Ask(
        model=model,
        has_own_weights=False,
        accelerator=accelerator,
        regions=(home, "us-east-1", "us-central1") if rule < 2 else (),
        multi_region=MultiRegion.US if rule == 2 else "",
        certifications=frozenset({"hipaa"}) if rule == 3 else frozenset(),
    )


FIGURES: list[Figure[PlacementRun]] = [
    Figure(
        name="place_1000_deployments",
        unit="ms",
        target=50.0,
        direction="at most",
        measure=lambda run: run.mixed_ms,
    ),
    Figure(
        name="place_1000_distinct_deployments",
        unit="ms",
        target=250.0,
        direction="at most",
        measure=lambda run: run.distinct_ms,
    ),
]
