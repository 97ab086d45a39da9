"""The autoscaling policy of a deployment, from its form on the wire."""

from __future__ import annotations

from hearth.deployments.autoscaling import Policy, Schedule, check_policy
from hearth.deployments.durations import read_duration_s
from hearth.deployments.types import Deployment, ScalingSchedule
from hearth.errors import InvalidRequest

_DEFAULT = Policy()
_WHERE = "autoscalingPolicy"
MAX_REPLICAS = 1000


def policy_of(deployment: Deployment) -> Policy:
    """What the autoscaler goes by.

    Raises:
        InvalidRequest: a field contradicts itself or another; `param` names it.
    """
    told = deployment.autoscaling_policy
    low = deployment.min_replica_count
    high = deployment.max_replica_count
    if high is None:
        high = max(low, 1)  # as Fireworks has it
    if not 1 <= high <= MAX_REPLICAS:
        raise InvalidRequest(
            f"maxReplicaCount is {high}; it is 1 to {MAX_REPLICAS}. "
            "Scale to 0, or delete the deployment, to have none.",
            param="maxReplicaCount",
        )
    targets = dict(told.load_targets)
    if deployment.max_tokens_per_second:
        targets.setdefault("tokens_generated_per_second", deployment.max_tokens_per_second)
    policy = Policy(
        min_replicas=low,
        max_replicas=high,
        scale_up_window_s=_window_s(deployment, "scaleUpWindow"),
        scale_down_window_s=_window_s(deployment, "scaleDownWindow"),
        scale_to_zero_window_s=_window_s(deployment, "scaleToZeroWindow"),
        load_targets=targets,
        schedules={
            name: _schedule(name, each)
            for name, each in told.scaling_schedules.items()
            if not each.disabled
        },
        is_enabled=low != high,
    )
    check_policy(policy)
    return policy


def _window_s(deployment: Deployment, name: str) -> float:
    told = deployment.autoscaling_policy
    text, default_s = {
        "scaleUpWindow": (told.scale_up_window, _DEFAULT.scale_up_window_s),
        "scaleDownWindow": (told.scale_down_window, _DEFAULT.scale_down_window_s),
        "scaleToZeroWindow": (told.scale_to_zero_window, _DEFAULT.scale_to_zero_window_s),
    }[name]
    return read_duration_s(text, default_s, param=f"{_WHERE}.{name}")


def _schedule(name: str, told: ScalingSchedule) -> Schedule:
    param = f"{_WHERE}.scalingSchedules.{name}.duration"
    return Schedule(
        cron=told.schedule,
        duration_s=read_duration_s(told.duration, 0.0, param=param),
        timezone=told.timezone,
        min_replicas=told.min_replica_count,
    )
