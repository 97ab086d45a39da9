"""Figures: a number with a target, measured by a part of the benchmark, and their table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

M = TypeVar("M")


class Figure(Struct, Generic[M], frozen=True, kw_only=True):
    """A number we promise, and how it is read from what a part of the benchmark measured.

    Args:
        measure: the value, or None where this machine could not measure it.
    """

    name: str
    unit: str
    target: float
    direction: Literal["at most", "at least"]
    measure: Callable[[M], float | None]


class Reading(Struct, frozen=True, kw_only=True):
    """A figure as it was measured, in the form of `latest.json`."""

    value: float
    target: float
    unit: str
    holds: bool


Readings = dict[str, Reading]


def read(figures: Sequence[Figure[M]], measured: M) -> tuple[Readings, list[str]]:
    """Return the readings and the names of figures that could not be measured."""
    readings: Readings = {}
    unmeasured: list[str] = []
    for figure in figures:
        value = figure.measure(measured)
        if value is None:
            unmeasured.append(figure.name)
            continue
        at_most = figure.direction == "at most"
        readings[figure.name] = Reading(
            value=float(f"{value:.4g}"),
            target=figure.target,
            unit=figure.unit,
            holds=value <= figure.target if at_most else value >= figure.target,
        )
    return readings, unmeasured


def table(figures: Sequence[Figure[M]], readings: Readings) -> str:
    """A Markdown table of the figures that were read."""
    lines = ["| figure | value | target | unit | holds |", "|---|---|---|---|---|"]
    for figure in figures:
        if reading := readings.get(figure.name):
            sign = "≤" if figure.direction == "at most" else "≥"
            holds = "yes" if reading.holds else "**no**"
            target = f"{sign} {reading.target:.4g}"
            lines.append(
                f"| {figure.name} | {reading.value:g} | {target} | {reading.unit} | {holds} |"
            )
    return "\n".join(lines)


def save(path: Path, readings: Readings, *, keep_others: bool) -> None:
    """Write the readings as JSON; after a partial run the other parts' readings are kept."""
    kept: Readings = {}
    if keep_others and path.exists():
        kept = msgspec.json.decode(path.read_bytes(), type=Readings)
    text = msgspec.json.format(msgspec.json.encode(kept | readings), indent=2)
    path.write_bytes(text + b"\n")
