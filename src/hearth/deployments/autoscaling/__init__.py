"""How many replicas there should be: a pure function of policy, history and load."""

from hearth.deployments.autoscaling.autoscaler import begin, decide, set_by_hand
from hearth.deployments.autoscaling.bounds import Bounds, bounds_at
from hearth.deployments.autoscaling.checks import check_policy
from hearth.deployments.autoscaling.need import replicas_needed
from hearth.deployments.autoscaling.types import (
    AUTO_DELETE_S,
    DEFAULT_LOAD_TARGET,
    LOAD_TARGETS,
    MIN_SCALE_TO_ZERO_S,
    History,
    Need,
    Observation,
    Policy,
    Reason,
    Scaling,
    Schedule,
)

__all__ = [
    "AUTO_DELETE_S",
    "DEFAULT_LOAD_TARGET",
    "LOAD_TARGETS",
    "MIN_SCALE_TO_ZERO_S",
    "Bounds",
    "History",
    "Need",
    "Observation",
    "Policy",
    "Reason",
    "Scaling",
    "Schedule",
    "begin",
    "bounds_at",
    "check_policy",
    "decide",
    "replicas_needed",
    "set_by_hand",
]
