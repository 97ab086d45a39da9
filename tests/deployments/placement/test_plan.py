"""Which place is chosen, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hearth.deployments.placement import (
    AcceleratorType,
    Ask,
    Decision,
    Free,
    Inventory,
    Place,
    Precision,
    cpu_stock,
    free_after,
    hourly_prices,
    model_size,
    plan,
    plan_many,
    shipped_inventory,
    with_local,
)
from hearth.pricing import shipped_book
from tests.deployments.placement.worlds import (
    A100,
    B200,
    CPU,
    DEEPSEEK,
    EAST,
    H100,
    HERE,
    PRICES,
    SMALL,
    THREE,
    ask,
    stock,
)

INT4 = (Precision.INT4,)


def decide(asked: Ask, inventory: Inventory = THREE, free: Free | None = None) -> Decision:
    return plan(inventory, inventory.capacity() if free is None else free, asked, PRICES)


def place(asked: Ask, inventory: Inventory = THREE, free: Free | None = None) -> Place:
    found = decide(asked, inventory, free).place
    assert found is not None
    return found


def test_the_cheapest_that_fits_is_chosen() -> None:
    chosen = place(ask(max_context_tokens=8192))

    assert (chosen.region, chosen.accelerator, chosen.count) == ("east", H100, 2)
    assert chosen.price_nano_per_hour == 2 * PRICES[H100]


def test_a_place_without_a_price_is_chosen_only_by_name() -> None:
    free = {("east", B200): 8, ("west", H100): 8}

    assert place(ask(), free=free).accelerator is H100
    named = place(ask(accelerator="b200"), free=free)
    assert (named.region, named.price_nano_per_hour) == ("east", None)


def test_an_unpriced_place_is_better_than_none() -> None:
    assert place(ask(), free={("east", B200): 8}).accelerator is B200


def test_regions_are_tried_in_the_order_they_are_asked_for() -> None:
    asked = ask(regions=("europe", "west", "east"), accelerator="h100")
    free = dict(THREE.capacity())

    order = []
    for key in [("europe", H100), ("west", H100), ("east", H100)]:
        order.append(place(asked, free=free).region)
        free[key] = 0

    assert order == ["europe", "west", "east"]
    assert decide(asked, free=free).refusal is not None


def test_a_cheaper_fallback_does_not_pass_the_first_region() -> None:
    asked = ask(SMALL, regions=("east", "west"), precision="bf16")

    assert place(asked).region == "east"
    assert place(ask(SMALL, precision="bf16")).accelerator is A100


def test_the_contracts_names_of_regions_mean_ours() -> None:
    assert place(ask(regions=("EU_FRANKFURT_1",))).region == "europe"


@pytest.mark.parametrize(
    ("changes", "region"),
    [
        ({"multi_region": "EUROPE"}, "europe"),
        ({"multi_region": "europe"}, "europe"),
        ({"multi_region": "GLOBAL"}, "east"),
        ({"cloud": "gcp"}, "europe"),
        ({"certifications": frozenset({"gdpr"})}, "europe"),
        ({"certifications": frozenset({"hipaa"})}, "west"),
        ({"certifications": frozenset({"hipaa", "soc2"}), "multi_region": "US"}, "west"),
    ],
)
def test_places_that_a_rule_excludes_are_not_chosen(changes: dict[str, Any], region: str) -> None:
    assert place(ask(accelerator="h100", **changes)).region == region


def test_seventy_billion_parameters_fit_on_two_h100_by_default() -> None:
    chosen = place(ask(accelerator="h100", count=2))

    assert (chosen.count, chosen.precision, chosen.is_emulated) == (2, Precision.FP8, True)


def test_at_least_so_many_is_raised_to_what_the_model_needs_and_said() -> None:
    chosen = place(ask(DEEPSEEK, accelerator="b200", count=1, precision="fp4", is_count_least=True))

    assert chosen.count == 4
    assert "Raised from 1 to 4 x b200: deepseek-v3 needs" in chosen.note


def test_at_least_so_many_is_never_lowered() -> None:
    chosen = place(ask(SMALL, accelerator="h100", count=3, is_count_least=True))

    assert chosen.count == 4


def test_without_the_size_check_it_is_placed_as_asked() -> None:
    chosen = place(ask(DEEPSEEK, accelerator="h100", count=1, check_size=False))

    assert chosen.count == 1
    assert chosen.memory.missing_bytes > 0


def test_real_weights_go_to_this_machine_for_nothing() -> None:
    chosen = place(ask(SMALL, has_own_weights=True, engine_precisions=INT4), HERE)

    assert (chosen.region, chosen.accelerator, chosen.is_emulated) == ("local", CPU, False)
    assert (chosen.price_nano_per_hour, chosen.precision) == (0, Precision.INT4)


def test_the_processor_is_shared_until_its_memory_is_used_up() -> None:
    asked = ask(SMALL, has_own_weights=True, engine_precisions=INT4, regions=("local",))

    decisions = plan_many(HERE, HERE.capacity(), [asked] * 20, PRICES)

    placed = [decision.place for decision in decisions if decision.place]
    capacity = HERE.capacity()["local", CPU]
    assert 4 <= len(placed) < 20
    assert sum(each.taken for each in placed) <= capacity
    assert all(each.count == 1 for each in placed)


def test_an_accelerator_asked_for_by_name_wins_over_this_machine() -> None:
    asked = ask(SMALL, has_own_weights=True, engine_precisions=INT4, accelerator="h100")

    chosen = place(asked, HERE)

    assert (chosen.region, chosen.is_emulated) == ("east", True)


def test_real_accelerators_of_the_kind_asked_for_win_over_emulated_ones() -> None:
    here = with_local(THREE, (cpu_stock(2**33), stock(H100, 1, is_emulated=False)))

    chosen = place(ask(SMALL, has_own_weights=True, accelerator="h100"), here)

    assert (chosen.region, chosen.is_emulated) == ("local", False)
    assert place(ask(SMALL, accelerator="h100"), here).region == "east"


def test_a_model_of_unknown_size_needs_only_the_reserve() -> None:
    unknown = model_size("somebody", None, None)

    assert place(ask(unknown, accelerator="h100")).memory.total_bytes == 2 * 10**9


def test_a_stand_in_goes_to_emulated_accelerators_only() -> None:
    assert place(ask(SMALL), HERE).is_emulated


def test_a_precision_the_engine_cannot_do_is_labelled_where_it_is_emulated() -> None:
    asked = ask(SMALL, has_own_weights=True, engine_precisions=INT4, precision="fp8")

    chosen = place(asked, HERE)

    assert (chosen.is_emulated, chosen.is_precision_emulated) == (True, True)
    assert not place(ask(SMALL, precision="fp8")).is_precision_emulated


def test_weights_that_are_served_as_they_are_count_as_they_are() -> None:
    known = replace(SMALL, weights_bytes=1_000_000)

    chosen = place(ask(known, has_own_weights=True, engine_precisions=INT4), HERE)

    assert chosen.memory.weights_bytes == 1_000_000


def test_each_replica_takes_from_what_the_next_ones_find() -> None:
    asked = ask(accelerator="h100", regions=("europe",))

    decisions = plan_many(THREE, THREE.capacity(), [asked] * 3, PRICES)

    assert [bool(decision.place) for decision in decisions] == [True, True, False]


def test_what_is_taken_is_not_free() -> None:
    free = free_after(THREE, [(("east", H100), 6), (("gone", H100), 4), (("west", A100), 99)])

    assert free["east", H100] == 10
    assert free["west", A100] == 0
    assert ("gone", H100) not in free


def test_the_shipped_prices_and_inventory_place_the_catalogues_models() -> None:
    inventory, prices = shipped_inventory(), hourly_prices(shipped_book())

    chosen = plan(inventory, inventory.capacity(), ask(accelerator="h100", count=2), prices).place

    assert chosen is not None
    assert chosen.price_nano_per_hour == 11_600_000_000
    assert prices[AcceleratorType.AMD_MI300X_192GB] == 4_990_000_000
    assert B200 not in prices


def test_places_of_one_kind_and_price_are_taken_in_the_inventorys_order() -> None:
    turned = Inventory(regions=tuple(reversed(THREE.regions)))

    assert place(ask(accelerator="h100")).region == EAST.name
    assert place(ask(accelerator="h100"), turned).region == "europe"
