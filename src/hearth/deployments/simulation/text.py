"""A simulated day as a page of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hearth.deployments.simulation.types import Drop, Report, Row
from hearth.pricing import NANO

_SAID: Final = {
    Drop.NO_REPLICA: "no replica ready",
    Drop.GAVE_UP: "waited too long",
    Drop.REGION_LOST: "region lost",
}
_MAX_EVENTS: Final = 3
"Of an hour, before they are counted instead."


def render(report: Report) -> str:
    """The sums, the hours and the regions."""
    return "\n".join([*_sums(report), "", *_hours(report), "", *_regions(report)])


def _sums(report: Report) -> Iterator[str]:
    total = report.total
    yield (
        f"{report.deployments} deployments, {len(report.regions)} regions, {report.capacity:,} "
        f"accelerators, {report.hours} h, seed {report.seed}"
    )
    yield ""
    yield f"requests   {total.arrived:>12,}"
    yield f"served     {total.served:>12,}  {_percent(total.served, total.arrived)}"
    yield f"dropped    {total.num_dropped:>12,}  {_percent(total.num_dropped, total.arrived)}"
    for why, count in total.dropped.items():
        yield f"           {count:>12,}  {_SAID[why]}"
    yield f"wait       p50 {report.wait_p50_s:.3f} s, p95 {report.wait_p95_s:.3f} s"
    yield (
        f"held       {report.accelerator_hours:,.0f} accelerator hours, "
        f"at most {report.peak_accelerators:,} at once"
    )
    unpriced = report.unpriced_accelerator_hours
    rest = f", and {unpriced:,.0f} accelerator hours that are not priced" if unpriced else ""
    yield f"cost       {_usd(total.cost_nano)}{rest}"
    yield (
        f"scaled     {report.scalings:,} times; replicas waited "
        f"{report.waited_for_capacity_s / 3600:,.1f} hours for capacity"
    )


def _hours(report: Report) -> Iterator[str]:
    yield (
        "UTC     requests     served  dropped  replicas  waiting  accelerators         cost  events"
    )
    for hour, row in enumerate(report.timeline):
        counts = f"{row.arrived:>10,} {row.served:>10,} {row.num_dropped:>8,}"
        held = f"{row.replicas:>9,} {row.waiting:>8,} {row.accelerators:>13,}"
        line = f"{hour % 24:02}:00 {counts} {held} {_usd(row.cost_nano):>12}  {_events(row)}"
        yield line.rstrip()


def _regions(report: Report) -> Iterator[str]:
    yield "region              cloud         requests  accelerator hours    peak         cost"
    for row in report.regions:
        yield (
            f"{row.region:<19} {row.cloud:<10} {row.arrived:>11,} {row.accelerator_hours:>18,.0f} "
            f"{row.peak_accelerators:>7,} {_usd(row.cost_nano):>12}"
        )


def _events(row: Row) -> str:
    told = row.events[:_MAX_EVENTS]
    more = len(row.events) - len(told)
    return "; ".join([*told, *([f"{more} more"] if more else [])])


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"


def _usd(nano: int) -> str:
    return f"${nano / NANO:,.2f}"
