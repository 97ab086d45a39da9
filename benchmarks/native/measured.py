"""What a run found: readings by arm and load, in order of rounds."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from msgspec import Struct, field


class NativeRun(Struct):
    """All readings; what a load is read in is part of its name."""

    readings: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    "By arm and load."
    resident_mib: dict[str, float] = field(default_factory=dict)
    starts_s: dict[str, list[float]] = field(default_factory=dict)
    "Of the processes of an arm, from what they are told to ready; modules are imported before."
    adapter_loads_s: list[float] = field(default_factory=list)
    "Of one process, the first with the graph that it has compiled."
    adapter_unloads_s: list[float] = field(default_factory=list)

    def add(self, arm: str, load: str, value: float) -> None:
        """Take a reading."""
        self.readings.setdefault((arm, load), []).append(value)

    def ratio(self, load: str, own: str, other: str, *, other_load: str = "") -> float | None:
        """The median over rounds of one arm's reading in units of another's in the same round.

        What slows the machine for longer slows both; what hits a single window is left to the
        median.
        """
        ours = self.readings.get((own, load), [])
        theirs = self.readings.get((other, other_load or load), [])
        ratios = [a / b for a, b in zip(ours, theirs, strict=False)]
        return median(ratios) if ratios else None

    def start_s(self, arm: str) -> float | None:
        """An arm's median start."""
        starts = self.starts_s.get(arm)
        return median(starts) if starts else None

    def adapter_load_s(self) -> float | None:
        """The median load of an adapter, the first left out."""
        later = self.adapter_loads_s[1:]
        return median(later) if later else None

    def lines(self) -> Iterator[str]:
        """Two Markdown tables, of medians and of memory, and what else there is."""
        arms = list(dict.fromkeys(arm for arm, _ in self.readings))
        loads = dict.fromkeys(load for _, load in self.readings)
        yield "\n| load | " + " | ".join(arms) + " |"
        yield "|---" * (len(arms) + 1) + "|"
        for load in loads:
            cells = [self._cell(arm, load) for arm in arms]
            yield f"| {load} | " + " | ".join(cells) + " |"
        starts = [f"{arm} {median(times):.2f} s" for arm, times in self.starts_s.items()]
        yield f"\nStarts: {', '.join(starts)}."
        yield "\n| resident memory of | MiB |\n|---|---|"
        for name, mib in self.resident_mib.items():
            yield f"| {name} | {mib:.0f} |"
        if self.adapter_loads_s:
            first, later = self.adapter_loads_s[0], self.adapter_load_s()
            unload = median(self.adapter_unloads_s)
            yield (
                f"\nAdapters: the first loads in {first:.2f} s, later ones in "
                f"{later or 0:.3f} s, and unload in {1e3 * unload:.1f} ms."
            )

    def _cell(self, arm: str, load: str) -> str:
        values = self.readings.get((arm, load))
        return f"{median(values):.4g} ({min(values):.4g} to {max(values):.4g})" if values else ""
