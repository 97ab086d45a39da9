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
        self.hours: dict[HourKey, list[int]] = {}
        "Events, prompt, cached and completion tokens, units, cost."
        self._costs: dict[tuple[str, str, str, int], int] = {}

    def add(self, entry: Entry, bill_time_ns: int) -> None:
        """Count an entry; one that was interrupted counts nowhere."""
        begin, settle = entry
        if settle.outcome is Outcome.INTERRUPTED:
            return
        account_id, user_id, key_id = begin.account_id, begin.user_id, begin.key_id
        key = (
            account_id,
            bill_time_ns // HOUR_NS,
            user_id,
            key_id,
            begin.model,
            begin.deployment,
            begin.unit,
            begin.price_version,
            begin.price,
        )
        sums = self.hours.get(key)
        if sums is None:
            sums = self.hours[key] = [0] * 6
        sums[0] += 1
        sums[1] += settle.prompt_tokens
        sums[2] += settle.cached_tokens
        sums[3] += settle.completion_tokens
        sums[4] += settle.units
        if cost_nano := settle.cost_nano:
            sums[5] += cost_nano
            payer = (account_id, user_id, key_id, bill_time_ns // DAY_NS)
            self._costs[payer] = self._costs.get(payer, 0) + cost_nano

    @property
    def days(self) -> dict[tuple[str, int], int]:
        """Cost by subject and day; where there is none, no sum."""
        days: dict[tuple[str, int], int] = {}
        for (account_id, user_id, key_id, day), cost_nano in self._costs.items():
            for subject in _bound(account_id, user_id, key_id):
                days[subject, day] = days.get((subject, day), 0) + cost_nano
        return days


def of(entries: Iterable[tuple[Entry, int]]) -> Sums:
    """What entries add, each at its billing time."""
    sums = Sums()
    for entry, bill_time_ns in entries:
        sums.add(entry, bill_time_ns)
    return sums


def _bound(account_id: str, user_id: str, key_id: str) -> tuple[str, ...]:
    """Whom the cost counts for; what is not a request may have no user and no key."""
    return subjects(account_id, user_id, key_id)[: 1 + bool(user_id) + bool(user_id and key_id)]
