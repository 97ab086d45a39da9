"""How many accelerators a shape needs, by the same estimate that placement uses."""

from __future__ import annotations

from hearth.deployments.placement import (
    COUNTS,
    AcceleratorType,
    Load,
    MemoryNeed,
    ModelSize,
    Precision,
    estimate,
    memory_bytes,
)
from hearth.errors import InvalidRequest

GB = 10**9


def need(load: Load, kind: AcceleratorType, count: int) -> MemoryNeed:
    """What each of so many accelerators must hold."""
    return estimate(load, count, kind, memory_bytes(kind))


def smallest_count(load: Load, kind: AcceleratorType) -> int | None:
    """The fewest accelerators that hold a load; None: none of `COUNTS`."""
    return next((count for count in COUNTS if not need(load, kind, count).missing_bytes), None)


def load_of(
    model: ModelSize, precision: Precision, *, context_tokens: int = 0, contexts: int = 1
) -> Load:
    """A model with room for so many contexts, each as long as the model's own where 0 is given."""
    limit = model.context_tokens
    return Load(
        model=model,
        precision=precision,
        context_tokens=min(context_tokens, limit) if context_tokens else limit,
        full_contexts=contexts,
    )


def check_size(load: Load, kind: AcceleratorType, count: int) -> None:
    """Let pass what fits; the processor is judged by placement, which knows its memory.

    Raises:
        InvalidRequest: so many accelerators do not exist in one replica, or do not hold the load.
    """
    if count not in COUNTS:
        allowed = ", ".join(map(str, COUNTS))
        raise InvalidRequest(
            f"acceleratorCount: a replica has {allowed} accelerators, not {count}.",
            param="acceleratorCount",
        )
    missing = 0 if kind is AcceleratorType.CPU else need(load, kind, count).missing_bytes * count
    if not missing:
        return
    enough = smallest_count(load, kind)
    remedy = f"{enough} of them hold it" if enough else "choose larger accelerators"
    raise InvalidRequest(
        f"acceleratorCount: {load.model.id} in {load.precision} with {load.context_tokens} tokens "
        f"of context does not fit on {count} x {kind}: {missing / GB:.1f} GB are missing; "
        f"{remedy}, a smaller precision or maxContextLength needs less, and "
        "disableDeploymentSizeValidation skips this check.",
        param="acceleratorCount",
    )
