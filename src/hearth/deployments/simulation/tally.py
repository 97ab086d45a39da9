"""What a simulated day adds up to: by the hour, by region, and how long requests waited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from hearth.deployments.placement import Inventory, Place
from hearth.deployments.simulation.types import Drop, RegionRow, Row

_HOUR_S: Final = 3600
_WAITS_PER_S: Final = 1000
"Waits are counted by the millisecond."


class Meter:
    """What is held in one region now, and what it has cost."""

    def __init__(self) -> None:
        self.held = 0
        self.unpriced = 0
        self.peak = 0
        self.held_s = 0
        self.unpriced_s = 0
        self.nano_seconds = 0
        "Nano-USD per hour, times seconds."
        self._nano_per_hour = 0

    def change(self, place: Place, sign: int) -> None:
        """Take a replica's accelerators, or give them back."""
        self.held += sign * place.count
        if place.price_nano_per_hour is None:
            self.unpriced += sign * place.count
        self._nano_per_hour += sign * (place.price_nano_per_hour or 0)
        self.peak = max(self.peak, self.held)

    def run(self, seconds: int) -> int:
        """Let time pass; what it adds to the cost, in nano-USD per hour times seconds."""
        self.held_s += self.held * seconds
        self.unpriced_s += self.unpriced * seconds
        self.nano_seconds += self._nano_per_hour * seconds
        return self._nano_per_hour * seconds


class Tally:
    """Everything that is counted."""

    def __init__(self, inventory: Inventory, hours: int) -> None:
        self.rows = [Row() for _ in range(hours)]
        self.meters = {region.name: Meter() for region in inventory.regions}
        self.peak = 0
        self.waited_for_capacity_s = 0.0
        self._inventory = inventory
        self._arrived: Counter[str] = Counter()
        self._nano_seconds = [0] * hours
        self._waits: Counter[int] = Counter()

    def arrive(self, hour: int, home: str, count: int) -> None:
        """Count requests by those who sent them."""
        self.rows[hour].arrived += count
        self._arrived[home] += count

    def serve(self, hour: int, count: int, wait_s: float) -> None:
        """Count answers, and how long they waited to begin."""
        self.rows[hour].served += count
        self._waits[round(wait_s * _WAITS_PER_S)] += count

    def drop(self, hour: int, why: Drop, count: int) -> None:
        """Count requests that were not answered."""
        if count:
            dropped = self.rows[hour].dropped
            dropped[why] = dropped.get(why, 0) + count

    def cut(self, hour: int, count: int) -> None:
        """Count requests that had begun in an hour and were lost with their region."""
        self.rows[hour].served -= count
        self.drop(hour, Drop.REGION_LOST, count)

    def pass_time(self, hour: int, seconds: int, waiting: int) -> None:
        """Bill what is held; so many replicas wait for a place."""
        self.waited_for_capacity_s += waiting * seconds
        self.rows[hour].waiting = max(self.rows[hour].waiting, waiting)
        self._nano_seconds[hour] += sum(meter.run(seconds) for meter in self.meters.values())
        held = sum(meter.held for meter in self.meters.values())
        self.rows[hour].accelerators = held
        self.peak = max(self.peak, held)

    def wait_s(self, share: float) -> float:
        """The wait that so many of the served did not exceed."""
        rank = share * sum(self._waits.values())
        seen = 0
        for wait, count in sorted(self._waits.items()):
            seen += count
            if seen >= rank:
                return wait / _WAITS_PER_S
        return 0.0

    def timeline(self) -> list[Row]:
        """The hours, with what they cost."""
        for row, nano_seconds in zip(self.rows, self._nano_seconds, strict=True):
            row.cost_nano = _rounded(nano_seconds)
        return self.rows

    def total(self) -> Row:
        """All hours; its counts at the end are the last hour's."""
        total = Row(
            arrived=sum(row.arrived for row in self.rows),
            served=sum(row.served for row in self.rows),
            replicas=self.rows[-1].replicas,
            waiting=max(row.waiting for row in self.rows),
            accelerators=self.rows[-1].accelerators,
            cost_nano=_rounded(sum(self._nano_seconds)),
        )
        for why in Drop:
            if count := sum(row.dropped.get(why, 0) for row in self.rows):
                total.dropped[why] = count
        return total

    def regions(self) -> list[RegionRow]:
        """Every region, in the inventory's order."""
        return [
            RegionRow(
                region=region.name,
                cloud=region.cloud,
                arrived=self._arrived[region.name],
                accelerator_hours=meter.held_s / _HOUR_S,
                peak_accelerators=meter.peak,
                cost_nano=_rounded(meter.nano_seconds),
            )
            for region, meter in zip(self._inventory.regions, self.meters.values(), strict=True)
        ]

    def change(self, places: Iterable[Place], sign: int) -> None:
        """Take accelerators, or give them back."""
        for place in places:
            self.meters[place.region].change(place, sign)


def _rounded(nano_seconds: int) -> int:
    """Nano-USD of a sum over hours and seconds, half up."""
    return (2 * nano_seconds + _HOUR_S) // (2 * _HOUR_S)
