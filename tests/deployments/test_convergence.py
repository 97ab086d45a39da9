"""From the replicas there are to those wanted, one safe step after the other."""

from __future__ import annotations

from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hearth.deployments.convergence import Steps, Wanted, steps
from hearth.deployments.types import Replica, ReplicaState

READY, STARTING = ReplicaState.READY, ReplicaState.STARTING
FAILED, DRAINING = ReplicaState.FAILED, ReplicaState.DRAINING


def pool(*told: tuple[str, ReplicaState]) -> list[Replica]:
    """Replicas by version and state; their ids count from 0."""
    return [
        Replica(id=str(i), pool="p", model="m", version=version, state=state)
        for i, (version, state) in enumerate(told)
    ]


@pytest.mark.parametrize(
    ("wanted", "replicas", "expected"),
    [
        (Wanted(count=2, version="a"), pool(), Steps(start=2)),
        (Wanted(count=1, version="a"), pool(("a", STARTING)), Steps()),
        (Wanted(count=0, version="a"), pool(("a", READY)), Steps(drain=("0",))),
        # The newest go first, those that serve nobody before them.
        (
            Wanted(count=1, version="a"),
            pool(("a", READY), ("a", STARTING), ("a", READY)),
            Steps(drain=("1", "2")),
        ),
        # Another version: all new ones start, no old one goes yet.
        (Wanted(count=2, version="b"), pool(("a", READY), ("a", READY)), Steps(start=2)),
        # One new one serves: one old one may go.
        (
            Wanted(count=2, version="b"),
            pool(("a", READY), ("a", READY), ("b", READY), ("b", STARTING)),
            Steps(drain=("0",)),
        ),
        # What is old and serves nobody goes at once.
        (Wanted(count=1, version="b"), pool(("a", FAILED)), Steps(start=1, drain=("0",))),
        # What drains is on its way out, and counts for nothing.
        (Wanted(count=1, version="a"), pool(("a", DRAINING)), Steps(start=1)),
    ],
)
def test_a_step(wanted: Wanted, replicas: list[Replica], expected: Steps) -> None:
    assert steps(wanted, replicas) == expected


states = st.sampled_from([READY, STARTING, FAILED, DRAINING])
pools = st.lists(st.tuples(st.sampled_from("abc"), states), max_size=8).map(lambda t: pool(*t))


@given(pools, st.integers(0, 6), st.sampled_from("abc"))
def test_no_step_takes_capacity_that_is_wanted(
    replicas: list[Replica], num: int, version: str
) -> None:
    todo = steps(Wanted(count=num, version=version), replicas)

    serving = {each.id for each in replicas if each.state is READY}
    assert len(serving - set(todo.drain)) >= min(num, len(serving))
    assert len(set(todo.drain)) == len(todo.drain)
    assert all(each.state is not DRAINING for each in replicas if each.id in todo.drain)


@given(pools, st.integers(0, 6), st.sampled_from("abc"), st.randoms(use_true_random=False))
def test_every_pool_converges_whatever_order_replicas_come_and_go_in(
    replicas: list[Replica], num: int, version: str, random: Random
) -> None:
    wanted, ids = Wanted(count=num, version=version), count(100)

    for _ in range(40):
        todo = steps(wanted, replicas)
        replicas = [
            replace(each, state=DRAINING) if each.id in todo.drain else each for each in replicas
        ]
        replicas += [
            Replica(id=str(next(ids)), pool="p", model="m", version=version, state=STARTING)
            for _ in range(todo.start)
        ]
        moving = [e for e in replicas if e.state is not READY]
        if not moving:
            break
        chosen = random.choice(moving)
        rest = [each for each in replicas if each is not chosen]
        is_back = chosen.state is not DRAINING
        replicas = [*rest, replace(chosen, state=READY)] if is_back else rest

    assert [(e.version, e.state) for e in replicas] == [(version, READY)] * num
