"""Run the benchmark: `python -m benchmarks [--only PART]`; status 1 when a target is missed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    charges_part,
    constrained_part,
    deployment_part,
    embedding_part,
    engine_part,
    figures,
    gateway_part,
    money_part,
    parsing_part,
    placement_part,
    start_part,
)
from benchmarks.figures import Readings
from benchmarks.native import speed_part as native_part

LATEST = Path(__file__).parent / "latest.json"


PARTS: dict[str, Callable[[], Readings]] = {
    "gateway": lambda: _read(gateway_part.FIGURES, gateway_part.run()),
    "charges": lambda: _read(charges_part.FIGURES, charges_part.run()),
    "engine": lambda: _read(engine_part.FIGURES, engine_part.run()),
    "native": lambda: _read(native_part.FIGURES, native_part.run()),
    "embedding": lambda: _read(embedding_part.FIGURES, embedding_part.run()),
    "constrained": lambda: _read(constrained_part.FIGURES, constrained_part.run()),
    "parsing": lambda: _read(parsing_part.FIGURES, parsing_part.run()),
    "placement": lambda: _read(placement_part.FIGURES, placement_part.run()),
    "deployment": lambda: _read(deployment_part.FIGURES, deployment_part.run()),
    "money": lambda: _read(money_part.FIGURES, money_part.run()),
    "start": lambda: _read(start_part.FIGURES, start_part.run()),
}


def _read(declared: list[figures.Figure[figures.M]], measured: figures.M) -> Readings:
    readings, unmeasured = figures.read(declared, measured)
    print(f"\n{figures.table(declared, readings)}\n")
    if unmeasured:
        print(f"Not measured here: {', '.join(unmeasured)}\n")
    return readings


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="measure one part; keep the others' figures")
    only = parser.parse_args().only
    readings: Readings = {}
    for name, measure in PARTS.items():
        if only in {None, name}:
            readings |= measure()
    figures.save(LATEST, readings, keep_others=only is not None)
    missed = [name for name, reading in readings.items() if not reading.holds]
    if missed:
        print(f"Missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
