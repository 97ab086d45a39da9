"""How many replicas a load needs: what each target calls for, the most of them."""

from __future__ import annotations

from math import ceil
from typing import Final

from hearth.deployments.autoscaling.types import DEFAULT_LOAD_TARGET, Observation, Policy

_SLACK: Final = 1e-9
"So that 4.0 replicas' worth, computed as 4.0000000001, are four."


def replicas_needed(policy: Policy, observed: Observation) -> int:
    """The fewest replicas that keep every load at or below its target."""
    targets = policy.load_targets or {"default": DEFAULT_LOAD_TARGET}
    return max(ceil(_load(name, observed) / target - _SLACK) for name, target in targets.items())


def _load(name: str, observed: Observation) -> float:
    """The sum over replicas, in the unit of the target."""
    match name:
        case "default":
            return observed.busy_slots / max(1, observed.slots_per_replica)
        case "tokens_generated_per_second":
            return observed.tokens_generated_per_second
        case "prompt_tokens_per_second":
            return observed.prompt_tokens_per_second
        case "requests_per_second":
            return observed.requests_per_second
        case _:
            return observed.concurrent_requests
