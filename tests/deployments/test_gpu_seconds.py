"""Accelerators are billed to the second, once, for exactly as long as they are held."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hearth.deployments import Accounting, FakeExecutor, Replicas
from hearth.deployments.gpu_seconds import SECOND_NS, SPAN_S, due, event_of, last
from hearth.deployments.placement import AcceleratorType, MemoryNeed, Place, Precision
from hearth.deployments.types import Replica, ReplicaState
from hearth.engines.protocol import WorkerSpec
from hearth.kit.db import Database
from hearth.metering import usage_rows
from hearth.pricing import PriceBooks

HOLDER = Replica(
    id="replica-1",
    pool="accounts/acme/deployments/d1",
    model="accounts/fireworks/models/m",
    state=ReplicaState.READY,
    region="us-west-2",
    accelerator_type="NVIDIA_H100_80GB",
    accelerator_count=2,
    held_time_ns=0,
    billed_time_ns=0,
)


@given(st.lists(st.integers(0, 200 * SECOND_NS), min_size=1, max_size=30))
def test_the_spans_of_a_replica_add_up_to_the_seconds_it_lived(steps: list[int]) -> None:
    replica, now_ns, billed = HOLDER, 0, 0

    for step in steps:
        now_ns += step
        span = due(replica, now_ns)
        if span is not None:
            assert span.seconds >= SPAN_S
            billed += span.seconds
            replica = replace(replica, billed_time_ns=span.end_ns)
    rest = last(replica, now_ns)
    billed += 0 if rest is None else rest.seconds

    assert billed == now_ns // SECOND_NS


def test_a_processor_and_a_model_without_deployment_cost_nothing() -> None:
    on_cpu = replace(HOLDER, accelerator_type="CPU")
    serverless = replace(HOLDER, accelerator_type="", region="")

    assert due(on_cpu, 10**12) is None
    assert last(serverless, 10**12) is None


async def test_an_hour_of_two_h100_costs_what_the_price_book_says(db: Database) -> None:
    books = PriceBooks(db)
    span = last(HOLDER, 3600 * SECOND_NS)
    assert span is not None

    event = event_of(span, books.quote)

    assert (event.units, event.unit) == (7200, "gpu_seconds")
    assert event.cost_nano == 2 * 5_800_000_000
    assert event.account_id == "acme"


PLACE = Place(
    region="us-west-2",
    contract_region="US_WASHINGTON_1",
    cloud="aws",
    accelerator=AcceleratorType.NVIDIA_H100_80GB,
    count=1,
    taken=1,
    is_emulated=True,
    precision=Precision.FP8,
    is_precision_emulated=False,
    price_nano_per_hour=None,
    memory=MemoryNeed(weights_bytes=1, cache_bytes=1, reserve_bytes=1, usable_bytes=9),
)


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_ns = 10**18

    def __call__(self) -> int:
        return self.now_ns

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * SECOND_NS)


async def billed_units(db: Database) -> int:
    """What the ledger has of acme's deployments."""
    pages = usage_rows(db, "acme", 0, 2 * 10**18)
    return sum([row.units async for page in pages for row in page])


@pytest.fixture
def clock() -> Hand:
    return Hand()


async def test_a_replica_is_billed_while_it_runs_and_to_its_end_and_never_twice(
    db: Database, clock: Hand
) -> None:
    replicas = Replicas(FakeExecutor(), lambda: None, drain_timeout_s=1, now_ns=clock)
    accounting = Accounting(db, replicas, PriceBooks(db).quote, clock)
    worker = WorkerSpec(replica_id="", address="", engine="fake", model="m")
    replica = replicas.start("accounts/acme/deployments/d1", worker, place=PLACE)

    for seconds in (10.0, 25.0, 0.4, 61.2):
        clock.wait(seconds)
        await accounting.post()
        await accounting.post()
    clock.wait(3.9)
    await replicas.stop_all(0)
    clock.wait(1000)
    await accounting.post()

    held_s = int(10 + 25 + 0.4 + 61.2 + 3.9)
    assert await billed_units(db) == held_s
    assert accounting.settled() == {replica.id}
