"""How many replicas there should be: a pure function of policy, history and load."""

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
    "History",
    "Need",
    "Observation",
    "Policy",
    "Reason",
    "Scaling",
    "Schedule",
]
