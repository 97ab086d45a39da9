"""How many replicas there should be: a pure function of policy, history, load and the time.

Up by the least need of the up window, down by the greatest need of the down window: a need that
comes and goes within its window moves nothing, so noise around a target cannot make it flap.
"""

from __future__ import annotations

from dataclasses import replace

from hearth.deployments.autoscaling.bounds import Bounds, bounds_at
from hearth.deployments.autoscaling.need import replicas_needed
from hearth.deployments.autoscaling.types import (
    AUTO_DELETE_S,
    History,
    Need,
    Observation,
    Policy,
    Reason,
    Scaling,
)

_Choice = tuple[int, Reason, str]


def begin(desired: int, now_s: float) -> History:
    """The history of a deployment that starts with so many replicas."""
    return History(desired=desired, began_s=now_s)


def set_by_hand(policy: Policy, history: History, count: int, now_s: float) -> Scaling:
    """What a person asks for, at once, within 0 and the maximum; all windows begin anew."""
    bounds = bounds_at(policy, now_s)
    desired = max(0, min(count, bounds.high))
    floor = desired if desired < bounds.low else None
    kept = replace(begin(desired, now_s), last_request_s=history.last_request_s, floor=floor)
    told = f"{_replicas(desired)}, set by hand."
    if desired != count:
        told = f"{_replicas(desired)}, the nearest allowed to the {count} set by hand."
    return Scaling(desired=desired, reason=Reason.SET_BY_HAND, message=told, history=kept)


def decide(policy: Policy, history: History, observed: Observation, now_s: float) -> Scaling:
    """Decide from what is observed now and what was before.

    Args:
        policy: one that `check_policy` passes.
        history: of the last decision, or of `begin`.
        now_s: Unix seconds, never less than at the last decision.
    """
    known = _remember(policy, history, observed, now_s)
    desired, reason, message = _choose(policy, history, known, now_s)
    if desired != known.desired:
        known = replace(known, desired=desired, floor=None)
        if reason in {Reason.IDLE, Reason.WOKEN}:
            known = replace(known, watched_from_s=None, needs=())
    return Scaling(
        desired=desired,
        reason=reason,
        message=message,
        history=known,
        is_deletable=policy.min_replicas == 0 and now_s - _used_s(known) >= AUTO_DELETE_S,
    )


def _remember(policy: Policy, history: History, observed: Observation, now_s: float) -> History:
    requests = [history.last_request_s, observed.last_request_s]
    if history.desired > 0 and (observed.busy_slots or observed.concurrent_requests):
        requests.append(now_s)  # a long answer is use, though no request came since
    from_s = history.watched_from_s
    return replace(
        history,
        watched_from_s=now_s if from_s is None else from_s,
        needs=_needs(policy, history, replicas_needed(policy, observed), now_s),
        last_request_s=max((at for at in requests if at is not None), default=None),
    )


def _needs(policy: Policy, history: History, need: int, now_s: float) -> tuple[Need, ...]:
    """The needs until now, without what can be neither in the up window nor a window's greatest."""
    up_from_s = now_s - policy.scale_up_window_s
    down_from_s = now_s - policy.scale_down_window_s
    earlier = history.needs
    if earlier and earlier[-1].replicas != need:
        earlier = (*earlier[:-1], Need(replicas=earlier[-1].replicas, until_s=now_s))
    elif earlier:
        earlier = earlier[:-1]
    kept = [Need(replicas=need, until_s=now_s)]
    greatest = need
    for one in reversed(earlier):
        if one.until_s > up_from_s or (one.until_s > down_from_s and one.replicas > greatest):
            kept.append(one)
            greatest = max(greatest, one.replicas)
    return tuple(reversed(kept))


def _choose(policy: Policy, before: History, known: History, now_s: float) -> _Choice:
    now = known.desired
    bounds = bounds_at(policy, now_s)
    if policy.is_enabled and now == 0 < bounds.high and _is_woken(before, known):
        desired = bounds.clamp(1)
        return desired, Reason.WOKEN, f"{_replicas(desired)}: a request came while there was none."
    if known.floor is not None:
        bounds = Bounds(min(known.floor, bounds.low), bounds.high)
    if bounds.clamp(now) != now:
        desired = bounds.clamp(now)
        told = f"{_replicas(desired)}: at least {bounds.low} and at most {bounds.high} now."
        return desired, Reason.BOUNDS, told
    if not policy.is_enabled:
        return now, Reason.DISABLED, f"{_replicas(now)}: autoscaling is off."
    if now == 0:
        return 0, Reason.IDLE, "No replica until a request comes."
    if bounds.low == 0 and now_s - _used_s(known) >= policy.scale_to_zero_window_s:
        told = f"No replica: no request for {_span(policy.scale_to_zero_window_s)}."
        return 0, Reason.IDLE, told
    return _by_load(policy, known, bounds, now_s)


def _by_load(policy: Policy, known: History, bounds: Bounds, now_s: float) -> _Choice:
    now = known.desired
    least = min(_seen(known, now_s, policy.scale_up_window_s), default=now)
    if bounds.clamp(least) > now:
        desired = bounds.clamp(least)
        window = _span(policy.scale_up_window_s)
        told = f"{_replicas(desired)}: the load has needed {least} or more for {window}."
        return desired, Reason.LOAD_ROSE, told
    most = max(_seen(known, now_s, policy.scale_down_window_s), default=now)
    desired = max(1, bounds.clamp(most))
    if desired < now:
        window = _span(policy.scale_down_window_s)
        told = f"{_replicas(desired)}: the load has needed {most} at most for {window}."
        return desired, Reason.LOAD_FELL, told
    return now, Reason.STEADY, f"{_replicas(now)}: the load needs {known.needs[-1].replicas}."


def _seen(known: History, now_s: float, window_s: float) -> list[int]:
    """The needs of a window, with the one that held at its start; none while it is not full."""
    from_s = now_s - window_s
    if known.watched_from_s is None or known.watched_from_s > from_s:
        return []
    *earlier, last = known.needs
    return [last.replicas, *(need.replicas for need in earlier if need.until_s > from_s)]


def _is_woken(before: History, known: History) -> bool:
    """Whether a request came since the last decision, and since a person set the count."""
    last = known.last_request_s
    return last is not None and last > max(before.last_request_s or 0.0, known.began_s)


def _used_s(known: History) -> float:
    """When it was last used."""
    return max(known.last_request_s or 0.0, known.began_s)


def _replicas(count: int) -> str:
    return f"{count or 'No'} replica{'s' if count > 1 else ''}"


def _span(seconds: float) -> str:
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
