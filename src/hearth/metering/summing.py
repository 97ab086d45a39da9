"""What rows add to the sums: by the hour for usage, by the day and subject for limits."""

from __future__ import annotations

from collections.abc import Iterable

from hearth.metering.types import Entry, Outcome, subjects

HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS

HourKey = tuple[str, int, str, str, str, str, str, str, str]
"As the primary key of `usage_hours`."


class Sums:
    """What some entries add."""

    def __init__(self) -> None:
        self.hours: dict[HourKey, tuple[int, ...]] = {}
        "Events, prompt, cached and completion tokens, units, cost."
        self.days: dict[tuple[str, int], int] = {}
        "Cost by subject and day; where there is none, no sum."

    def add(self, entry: Entry, bill_time_ns: int) -> None:
        """Count an entry; one that was interrupted counts nowhere."""
        begin, settle = entry
        if settle.outcome is Outcome.INTERRUPTED:
            return
        key = (
            begin.account_id,
            bill_time_ns // HOUR_NS,
            begin.user_id,
            begin.key_id,
            begin.model,
            begin.deployment,
            begin.unit,
            begin.price_version,
            begin.price,
        )
        events, prompt, cached, completion, units, cost = self.hours.get(key, (0,) * 6)
        self.hours[key] = (
            events + 1,
            prompt + settle.prompt_tokens,
            cached + settle.cached_tokens,
            completion + settle.completion_tokens,
            units + settle.units,
            cost + settle.cost_nano,
        )
        if settle.cost_nano:
            day = bill_time_ns // DAY_NS
            for subject in _bound(begin.account_id, begin.user_id, begin.key_id):
                self.days[subject, day] = self.days.get((subject, day), 0) + settle.cost_nano


def of(entries: Iterable[tuple[Entry, int]]) -> Sums:
    """What entries add, each at its billing time."""
    sums = Sums()
    for entry, bill_time_ns in entries:
        sums.add(entry, bill_time_ns)
    return sums


def _bound(account_id: str, user_id: str, key_id: str) -> tuple[str, ...]:
    """Whom the cost counts for; what is not a request may have no user and no key."""
    return subjects(account_id, user_id, key_id)[: 1 + bool(user_id) + bool(user_id and key_id)]
