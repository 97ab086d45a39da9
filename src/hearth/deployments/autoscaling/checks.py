"""What a policy must be like before it is taken."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from hearth.deployments.autoscaling.cron import parse_cron
from hearth.deployments.autoscaling.types import (
    LOAD_TARGETS,
    MIN_SCALE_TO_ZERO_S,
    Policy,
    Schedule,
)
from hearth.errors import InvalidRequest

_MAX_DURATION_S = 31 * 86_400.0


def check_policy(policy: Policy) -> None:
    """Refuse a policy that contradicts itself.

    Raises:
        InvalidRequest: the first fault; `param` names the field in wire form.
    """
    for param, fault in _faults(policy):
        raise InvalidRequest(fault, param=param)


def _faults(policy: Policy) -> Iterator[tuple[str, str]]:
    if policy.min_replicas < 0:
        yield "minReplicaCount", f"minReplicaCount is {policy.min_replicas}; it is 0 or more."
    if policy.max_replicas < policy.min_replicas:
        yield (
            "maxReplicaCount",
            f"maxReplicaCount is {policy.max_replicas}, less than minReplicaCount, "
            f"{policy.min_replicas}; raise it.",
        )
    yield from _window_faults(policy)
    yield from _target_faults(policy)
    for name, schedule in policy.schedules.items():
        where = f"autoscalingPolicy.scalingSchedules.{name}"
        fault = _schedule_fault(schedule, policy)
        if fault:
            yield where, f"{where}: {fault}."


def _window_faults(policy: Policy) -> Iterator[tuple[str, str]]:
    for name, window_s in (
        ("scaleUpWindow", policy.scale_up_window_s),
        ("scaleDownWindow", policy.scale_down_window_s),
    ):
        if window_s < 0:
            yield f"autoscalingPolicy.{name}", f"{name} is {window_s:g}s; it is 0s or more."
    if policy.scale_to_zero_window_s < MIN_SCALE_TO_ZERO_S:
        yield (
            "autoscalingPolicy.scaleToZeroWindow",
            f"scaleToZeroWindow is {policy.scale_to_zero_window_s:g}s; it is 5m or more.",
        )


def _target_faults(policy: Policy) -> Iterator[tuple[str, str]]:
    for name, target in policy.load_targets.items():
        where = f"autoscalingPolicy.loadTargets.{name}"
        if name not in LOAD_TARGETS:
            yield where, f"There is no load target {name!r}: {', '.join(LOAD_TARGETS)}."
        elif not 0 < target < float("inf"):
            yield where, f"The load target {name} is {target:g}; it is above 0."
        elif name == "default" and target > 1:
            yield where, f"The load target {name} is {target:g}; it is a share, at most 1."


def _schedule_fault(schedule: Schedule, policy: Policy) -> str:
    try:
        parse_cron(schedule.cron)
    except ValueError as error:
        return str(error)
    try:
        ZoneInfo(schedule.timezone)
    except (OSError, ValueError, KeyError):
        return f"there is no time zone {schedule.timezone!r}"
    if not 60 <= schedule.duration_s <= _MAX_DURATION_S:
        return f"its duration is {schedule.duration_s:g}s; it is between 1m and 31 days"
    if schedule.min_replicas is None and schedule.max_replicas is None:
        return "it sets neither a minimum nor a maximum"
    low = policy.min_replicas if schedule.min_replicas is None else schedule.min_replicas
    high = policy.max_replicas if schedule.max_replicas is None else schedule.max_replicas
    return "" if 0 <= low <= high else f"its minimum is {low} and its maximum {high}"
