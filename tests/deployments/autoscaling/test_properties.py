"""What holds of the autoscaler whatever the load does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hearth.deployments.autoscaling import Policy, Reason, replicas_needed
from hearth.deployments.autoscaling.types import Observation
from tests.deployments.autoscaling.virtual import Deployment

steps = st.lists(
    st.tuples(st.floats(0, 20, allow_nan=False), st.integers(1, 90)), min_size=1, max_size=12
)
policies = st.builds(
    lambda low, more, up_s, down_s, target: Policy(
        min_replicas=low,
        max_replicas=low + more,
        scale_up_window_s=up_s,
        scale_down_window_s=down_s,
        scale_to_zero_window_s=300,
        load_targets={"default": target},
    ),
    st.integers(0, 3),
    st.integers(1, 8),
    st.integers(0, 60),
    st.integers(0, 120),
    st.floats(0.2, 1.0),
)


def played(policy: Policy, loads: list[tuple[float, int]]) -> tuple[Deployment, list[int]]:
    """A deployment after the loads, and the need of every second."""
    deployment = Deployment(policy, desired=max(1, policy.min_replicas))
    needs: list[int] = []
    for busy, seconds in loads:
        observed = Observation(ready_replicas=1, busy_slots=busy)
        needs += [replicas_needed(policy, observed)] * seconds
        deployment.run(lambda _, busy=busy: busy, seconds)  # type: ignore[misc] # bound now
    return deployment, needs


@given(policies, steps)
@settings(deadline=None, max_examples=60)
def test_the_count_never_leaves_its_bounds(policy: Policy, loads: list[tuple[float, int]]) -> None:
    deployment, _ = played(policy, loads)

    assert all(
        policy.min_replicas <= count <= policy.max_replicas for _, count, _ in deployment.changes
    )


@given(policies, steps)
@settings(deadline=None, max_examples=60)
def test_the_count_moves_only_by_what_a_whole_window_agrees_on(
    policy: Policy, loads: list[tuple[float, int]]
) -> None:
    deployment, needs = played(policy, loads)

    for at, count, reason in deployment.changes:
        if reason is Reason.LOAD_ROSE:
            window = needs[int(at - policy.scale_up_window_s) - 1 : int(at)]
            assert count == min(min(window), policy.max_replicas)
        if reason is Reason.LOAD_FELL:
            window = needs[int(at - policy.scale_down_window_s) - 1 : int(at)]
            assert count == max(max(window), policy.min_replicas, 1)


@given(policies, steps)
@settings(deadline=None, max_examples=30)
def test_what_is_remembered_stays_small(policy: Policy, loads: list[tuple[float, int]]) -> None:
    deployment, _ = played(policy, loads)

    most = policy.scale_up_window_s + policy.max_replicas + 101
    assert len(deployment.history.needs) <= most
