"""What holds of every decision, whatever the inventory and the asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from hearth.deployments.placement import (
    AcceleratorType,
    Ask,
    Inventory,
    Load,
    MultiRegion,
    Precision,
    Region,
    Stock,
    default_precision,
    estimate,
    model_size,
    plan,
    plan_many,
)
from tests.deployments.placement.worlds import region, stock

KINDS = [
    AcceleratorType.NVIDIA_A100_80GB,
    AcceleratorType.NVIDIA_H100_80GB,
    AcceleratorType.NVIDIA_B200_180GB,
    AcceleratorType.NVIDIA_L4_24GB,
]
NAMES = [f"region-{letter}" for letter in "abcdef"]
CERTIFICATIONS = ["hipaa", "soc2", "gdpr"]
MODELS = [
    model_size("smollm2-135m-instruct", 134_515_008, 8192),
    model_size("llama-v3p1-70b-instruct", 70_553_706_496, 32_768),
    model_size("somebody-30b", 30_000_000_000, 16_384),
    model_size("deepseek-v3", 671_026_419_200, 131_072),
]


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    return Inventory(regions=tuple(draw(regions(name)) for name in names))


@st.composite
def regions(draw: st.DrawFn, name: str) -> Region:
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, unique=True))
    return region(
        name,
        *(stock(kind, draw(st.integers(1, 24)), is_emulated=draw(st.booleans())) for kind in kinds),
        contract_region=f"US_{name[-1].upper()}_1",
        multi_region=draw(st.sampled_from([MultiRegion.US, MultiRegion.EUROPE])),
        cloud=draw(st.sampled_from(["aws", "gcp"])),
        certifications=draw(st.frozensets(st.sampled_from(CERTIFICATIONS))),
    )


asks = st.builds(
    Ask,
    model=st.sampled_from(MODELS),
    has_own_weights=st.booleans(),
    accelerator=st.sampled_from(["", "", "h100", "a100", "l4"]),
    count=st.sampled_from([None, None, 1, 2, 8]),
    is_count_least=st.booleans(),
    precision=st.sampled_from(["", "", "fp8", "int4", "bf16"]),
    engine_precisions=st.sampled_from([(), (Precision.INT4,), (Precision.BF16, Precision.FP8)]),
    regions=st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(tuple),
    multi_region=st.sampled_from(["", "", "US", "EUROPE"]),
    cloud=st.sampled_from(["", "", "aws"]),
    certifications=st.frozensets(st.sampled_from(CERTIFICATIONS), max_size=1),
)
prices = st.dictionaries(st.sampled_from(KINDS), st.integers(0, 10**10))


def allowed(ask: Ask, home: Region) -> bool:
    """The rules about regions, said once more."""
    return (
        (not ask.regions or home.name in ask.regions)
        and ask.multi_region in {"", home.multi_region}
        and ask.cloud in {"", home.cloud}
        and ask.certifications <= home.certifications
    )


def precision_of(ask: Ask, held: Stock) -> Precision | None:
    """What it would be served in there; None: not at all."""
    own = () if held.is_emulated else ask.engine_precisions
    if not ask.precision:
        return (own or (default_precision(held.accelerator),))[0]
    asked = Precision(ask.precision.upper())
    return asked if asked in (own or [asked]) else None


def suits(ask: Ask, held: Stock, count: int) -> bool:
    """Whether so many accelerators of a place would do."""
    precision = precision_of(ask, held)
    is_wrong = ask.accelerator not in {"", held.accelerator.split("_")[1].lower()}
    if precision is None or is_wrong or not (held.is_emulated or ask.has_own_weights):
        return False
    is_asked = ask.count is None or count == ask.count
    is_more = ask.is_count_least and ask.count is not None and count > ask.count
    load = Load(model=ask.model, precision=precision, context_tokens=ask.model.context_tokens)
    need = estimate(load, count, held.accelerator, held.memory_bytes)
    return (is_asked or is_more) and not need.missing_bytes and count <= held.count


def options(ask: Ask, inventory: Inventory) -> Iterator[tuple[Region, Stock, int]]:
    """Every place and count that would do, by trying all of them."""
    for home, count in product(inventory.regions, (1, 2, 4, 8, 16)):
        for held in home.stocks:
            if allowed(ask, home) and suits(ask, held, count):
                yield home, held, count


@given(inventories(), asks, prices)
@settings(deadline=None, max_examples=120)
def test_a_place_is_found_exactly_where_one_would_do_and_is_the_best(
    inventory: Inventory, ask: Ask, told: dict[AcceleratorType, int]
) -> None:
    if not set(ask.regions) <= {home.name for home in inventory.regions}:
        return
    found = list(options(ask, inventory))

    place = plan(inventory, inventory.capacity(), ask, told).place

    assert (place is not None) == bool(found)
    if place is not None:
        cheapest = min(
            (
                ask.regions.index(home.name) if ask.regions else 0,
                held.is_emulated,
                held.accelerator not in told,
                told.get(held.accelerator, 0) * count,
            )
            for home, held, count in found
        )
        rank = ask.regions.index(place.region) if ask.regions else 0
        price = place.price_nano_per_hour
        assert (rank, place.is_emulated, price is None, price or 0) == cheapest


@given(inventories(), st.lists(asks, max_size=12), prices)
@settings(deadline=None, max_examples=60)
def test_nothing_is_placed_outside_its_regions_or_above_what_is_there(
    inventory: Inventory, wanted: list[Ask], told: dict[AcceleratorType, int]
) -> None:
    by_name = {home.name: home for home in inventory.regions}
    taken: Counter[tuple[str, AcceleratorType]] = Counter()

    for ask, decision in zip(
        wanted, plan_many(inventory, inventory.capacity(), wanted, told), strict=True
    ):
        assert (decision.place is None) != (decision.refusal is None)
        if decision.place is not None:
            assert allowed(ask, by_name[decision.place.region])
            taken[decision.place.key] += decision.place.taken

    assert all(amount <= inventory.capacity()[key] for key, amount in taken.items())


@given(inventories(), asks, prices)
@settings(deadline=None, max_examples=60)
def test_equal_asks_get_equal_decisions_that_explain_every_place_once(
    inventory: Inventory, ask: Ask, told: dict[AcceleratorType, int]
) -> None:
    first = plan(inventory, inventory.capacity(), ask, told)
    second = plan(inventory, inventory.capacity(), ask, told)

    assert first == second
    explained = [(finding.region, finding.accelerator) for finding in first.explanation]
    if explained:
        assert sorted(explained) == sorted(inventory.capacity())
    else:
        assert first.refusal is not None
        assert first.refusal.kind.startswith("unknown_")
