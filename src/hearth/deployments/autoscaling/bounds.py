"""The fewest and the most replicas that a policy allows at a moment: its own, or a schedule's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hearth.deployments.autoscaling.cron import parse_cron
from hearth.deployments.autoscaling.types import Policy, Schedule


class Bounds(NamedTuple):
    """How many replicas there may be."""

    low: int
    high: int

    def clamp(self, count: int) -> int:
        """The nearest count that is allowed."""
        return max(self.low, min(count, self.high))


def bounds_at(policy: Policy, now_s: float) -> Bounds:
    """What holds now. Of several schedules at once the highest minimum and maximum hold.

    Args:
        now_s: Unix seconds.
    """
    if not policy.schedules:
        return Bounds(policy.min_replicas, policy.max_replicas)
    active = list(_active(policy, now_s))
    lows = [s.min_replicas for s in active if s.min_replicas is not None]
    highs = [s.max_replicas for s in active if s.max_replicas is not None]
    high = max(highs, default=policy.max_replicas)
    return Bounds(min(max(lows, default=policy.min_replicas), high), high)


def _active(policy: Policy, now_s: float) -> Iterator[Schedule]:
    for schedule in policy.schedules.values():
        if schedule.is_disabled:
            continue
        began_s = _began_s(schedule.cron, schedule.timezone, schedule.duration_s, now_s // 60)
        if began_s is not None and began_s <= now_s < began_s + schedule.duration_s:
            yield schedule


@lru_cache(maxsize=4096)
def _began_s(cron: str, timezone: str, duration_s: float, minute: float) -> float | None:
    """When the latest turn began that may still last, in Unix seconds.

    Clocks that are put back repeat a time; its first is meant. One that they skip is moved on.
    """
    zone = ZoneInfo(timezone)
    now = datetime.fromtimestamp(minute * 60, UTC).astimezone(zone).replace(tzinfo=None)
    # Two hours more: a day of 25 hours, or a zone that changes its offset.
    within = timedelta(seconds=duration_s, hours=2)
    began = parse_cron(cron).last(now, within)
    return None if began is None else began.replace(tzinfo=zone).timestamp()
