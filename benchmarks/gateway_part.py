"""The gateway's cost per request and per streamed chunk, against B and L in one run.

CPU time of the server's process tree over a window, divided by what it answered in it; servers
not under test are frozen; rounds are interleaved and medians compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Literal, get_args

from msgspec import Struct, field

from benchmarks import load_job
from benchmarks.figures import Figure
from benchmarks.gateway_subjects import (
    GATEWAY_CORE,
    LOAD_CORE,
    NUM_CHUNKS,
    Subject,
    Subjects,
    started,
)
from benchmarks.load_job import Job
from benchmarks.machine import CoreClock

ROUNDS = 5
PAIRS = 5  # windows of B and the gateway in a round: the machine's pace drifts within seconds
SETTLE_S = 0.15  # what a server puts off until after its answers belongs to them
FEW, MANY = 5_000, 20_000  # requests between which memory must not grow

Phase = Literal["request", "chunk", "rate"]
PHASES: tuple[Phase, ...] = get_args(Phase)


class Window(Struct, frozen=True):
    """One window of load on one server."""

    cpu_us: float
    "Per unit: a request, or a chunk of a stream."
    upstream_cpu_us: float
    foreign: float
    "Share of the gateway's core that others used."
    latency_ms: float


class GatewayRun(Struct):
    """All windows of a run, and the gateway's memory."""

    windows: dict[tuple[str, Phase], list[Window]] = field(default_factory=dict)
    idle_mib: float | None = None
    growth_mib: float | None = None

    def median(self, name: str, phase: Phase, of: Callable[[Window], float]) -> float | None:
        """The median over rounds; None for a server that was left out."""
        windows = self.windows.get((name, phase))
        return median(map(of, windows)) if windows else None

    def cpu_us(self, name: str, phase: Phase) -> float | None:
        """CPU microseconds per unit."""
        return self.median(name, phase, lambda window: window.cpu_us)

    def ratio(self, phase: Phase, yardstick: str, name: str = "gateway") -> float | None:
        """A server's cost per unit in units of another's, window by window if it can."""
        own = [window.cpu_us for window in self.windows[name, phase]]
        other = [window.cpu_us for window in self.windows.get((yardstick, phase), [])]
        if len(own) == len(other):
            return median(a / b for a, b in zip(own, other, strict=True))
        return median(own) / median(other) if other else None


def run(rounds: int = ROUNDS) -> GatewayRun:
    """Measure all servers there are."""
    result = GatewayRun()
    with started() as subjects:
        for subject in subjects.all:
            _warm_up(subject, result)
        for number in range(rounds):
            print(f"gateway: round {number + 1} of {rounds}", flush=True)
            for phase in PHASES:
                for subject in _order(subjects, phase):
                    window = measure(phase, subject, subjects)
                    result.windows.setdefault((subject.name, phase), []).append(window)
    show(result)
    return result


def _order(subjects: Subjects, phase: Phase) -> list[Subject]:
    """Everyone once, and for the figures with a close target B and the gateway again in turn."""
    close = [subject for subject in subjects.all if subject.name in {"bare", "gateway"}]
    return [*subjects.all, *(close * (PAIRS - 1) if phase != "rate" else [])]


def _warm_up(subject: Subject, result: GatewayRun) -> None:
    process = subject.process
    subject.wake()
    if subject.name == "gateway":
        result.idle_mib = process.resident_mib()
        load_job.run(subject.warm_job(FEW), LOAD_CORE)
        few_mib = process.resident_mib()
        load_job.run(subject.warm_job(MANY - FEW), LOAD_CORE)
        result.growth_mib = process.resident_mib() - few_mib
    else:
        load_job.run(subject.warm_job(subject.warm_requests), LOAD_CORE)
    if subject.name != "direct":
        process.pause()


def measure(phase: Phase, subject: Subject, subjects: Subjects) -> Window:
    """One window of load on a server that was frozen, and is again afterwards."""
    jobs: dict[Phase, Job] = {
        "request": subject.request_job(),
        "chunk": subject.stream_job(),
        "rate": subject.rate_job(),
    }
    subject.wake()
    load_job.run(subject.warm_job(subject.warm_requests // 5), LOAD_CORE)
    window = _window(subject, subjects, phase, jobs[phase])
    if subject.name != "direct":
        subject.process.pause()
    return window


def _window(subject: Subject, subjects: Subjects, phase: Phase, job: Job) -> Window:
    upstream = subjects.upstream.process
    core = CoreClock(GATEWAY_CORE)
    cpu_s, upstream_s = subject.process.cpu_s(), upstream.cpu_s()
    answered = load_job.run(job, LOAD_CORE)
    time.sleep(SETTLE_S)
    cpu_s, upstream_s = subject.process.cpu_s() - cpu_s, upstream.cpu_s() - upstream_s
    units = answered.answers * (NUM_CHUNKS if phase == "chunk" else 1)
    own_s = 0.0 if subject.name == "direct" else cpu_s
    return Window(
        cpu_us=1e6 * cpu_s / units,
        upstream_cpu_us=1e6 * upstream_s / units,
        foreign=max(0.0, core.busy_s() - own_s) / core.elapsed_s(),
        latency_ms=answered.latency_ms,
    )


def show(result: GatewayRun) -> None:
    """Show what was measured; only the figures below have targets."""
    print("\n| server | phase | CPU us | least, most | U's CPU us | p50 ms | foreign, most |")
    print("|---|---|---|---|---|---|---|")
    for (name, phase), windows in result.windows.items():
        costs = [window.cpu_us for window in windows]
        print(
            f"| {name} | {phase} | {median(costs):.1f} | {min(costs):.1f}, {max(costs):.1f}"
            f" | {median(w.upstream_cpu_us for w in windows):.1f}"
            f" | {median(w.latency_ms for w in windows):.2f}"
            f" | {median(w.foreign for w in windows):.0%},"
            f" {max(w.foreign for w in windows):.0%} |"
        )


FIGURES: list[Figure[GatewayRun]] = [
    Figure(
        name="gateway_cpu_per_request_vs_bare",
        unit="ratio",
        target=3.0,
        direction="at most",
        measure=lambda run: run.ratio("request", "bare"),
    ),
    Figure(
        name="gateway_cpu_per_request_vs_litellm",
        unit="ratio",
        target=1 / 150,
        direction="at most",
        measure=lambda run: run.ratio("request", "litellm"),
    ),
    Figure(
        name="gateway_cpu_per_chunk_vs_bare",
        unit="ratio",
        target=1.5,
        direction="at most",
        measure=lambda run: run.ratio("chunk", "bare"),
    ),
    Figure(
        name="gateway_cpu_per_chunk_vs_litellm",
        unit="ratio",
        target=1 / 30,
        direction="at most",
        measure=lambda run: run.ratio("chunk", "litellm"),
    ),
    Figure(
        name="gateway_rss_idle",
        unit="MiB",
        target=60.0,
        direction="at most",
        measure=lambda run: run.idle_mib,
    ),
    Figure(
        name="gateway_rss_growth_5k_to_20k",
        unit="MiB",
        target=2.0,
        direction="at most",
        measure=lambda run: run.growth_mib,
    ),
]
