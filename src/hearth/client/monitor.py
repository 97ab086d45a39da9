"""Measures how fast and how reliably requests are answered."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from hearth.client.usage import has_text, usage_of
from hearth.client.wrapping import watched, wrap

T = TypeVar("T")

_STATM = Path("/proc/self/statm")
"Of Linux: its second number is the pages of memory that this process holds."


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One request."""

    model: str
    "Empty where none was named."
    start_time: float
    "Unix seconds."
    duration_s: float
    first_token_s: float | None
    "From the start to the first piece of the answer that is not only its frame; of streams."
    completion_tokens: int | None
    error: str | None
    "None: it was answered."
    memory_delta_bytes: int | None
    "What the whole process holds more than at the start; None where that cannot be seen."

    @property
    def success(self) -> bool:
        """Whether it was answered."""
        return self.error is None

    @property
    def tokens_per_second(self) -> float | None:
        """Completion tokens over the whole duration, the wait for the first one included."""
        if self.completion_tokens is None or self.duration_s <= 0:
            return None
        return self.completion_tokens / self.duration_s


class PerformanceMonitor:
    """Durations and errors of requests. Safe to share between threads and tasks.

    Args:
        keep: so many measurements are kept, the youngest.
        clock: seconds from any moment on.
    """

    def __init__(
        self, *, keep: int = 10_000, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._kept: deque[Measurement] = deque(maxlen=keep)
        self._clock = clock
        self._lock = Lock()

    def wrap(self, client: T) -> T:
        """A client that is measured here and otherwise is the given one; see UsageTracker.wrap."""
        return wrap(client, self._begin)

    def measure(self, send: Callable[[], T], *, model: str = "") -> T:
        """Call `send` and measure until its answer is here.

        An answer to be awaited is measured until then, a stream until its end.
        """
        return watched(send, self._begin(model))

    @contextmanager
    def measuring(self, model: str = "") -> Iterator[None]:
        """Measure a block, also one that awaits."""
        request = self._begin(model)
        try:
            yield
        except BaseException as error:
            request.ended(error)
            raise
        request.ended(None)

    @property
    def measurements(self) -> list[Measurement]:
        """Those kept, the oldest first."""
        with self._lock:
            return list(self._kept)

    def average_response_time(self) -> float:
        """Seconds, of the requests that were answered; 0.0 when there are none."""
        durations = self._durations()
        return sum(durations) / len(durations) if durations else 0.0

    def percentile(self, percent: float) -> float:
        """The duration within which so many percent of the answers were there, in seconds.

        A duration that occurred (the nearest rank); 0.0 when there are none.

        Raises:
            ValueError: not from 0 to 100.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"percent must be from 0 to 100, not {percent}")
        return _percentile(self._durations(), percent)

    def error_rate(self) -> float:
        """The part of all requests that failed, from 0.0 to 1.0."""
        kept = self.measurements
        return sum(not each.success for each in kept) / len(kept) if kept else 0.0

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Everything, for JSON; times in seconds."""
        kept = self.measurements
        firsts = sorted(each.first_token_s for each in kept if each.first_token_s is not None)
        speeds = sorted(
            each.tokens_per_second for each in kept if each.tokens_per_second is not None
        )
        return {
            "requests": len(kept),
            "error_rate": self.error_rate(),
            "average_s": self.average_response_time(),
            "p50_s": self.percentile(50),
            "p95_s": self.percentile(95),
            "p99_s": self.percentile(99),
            "first_token_p50_s": _percentile(firsts, 50),
            "tokens_per_second_p50": _percentile(speeds, 50),
            "measurements": [asdict(each) for each in kept],
        }

    def _durations(self) -> list[float]:
        return sorted(each.duration_s for each in self.measurements if each.success)

    def _begin(self, model: str) -> _Request:
        return _Request(model, self._clock, self._keep)

    def _keep(self, measurement: Measurement) -> None:
        with self._lock:
            self._kept.append(measurement)


class _Request:
    """Measures one request."""

    def __init__(
        self, model: str, clock: Callable[[], float], keep: Callable[[Measurement], None]
    ) -> None:
        self._model = model
        self._clock = clock
        self._keep = keep
        self._start_time = time.time()
        self._memory = _memory_bytes()
        self._first_token_s: float | None = None
        self._completion_tokens: int | None = None
        self._start = clock()

    def answered(self, answer: object) -> None:
        if (usage := usage_of(answer)) is not None:
            self._completion_tokens = usage.completion_tokens

    def opened(self) -> None:
        """The first token counts, not the headers."""

    def piece(self, piece: object) -> None:
        if self._first_token_s is None and has_text(piece):
            self._first_token_s = self._clock() - self._start
        self.answered(piece)

    def ended(self, error: BaseException | None) -> None:
        duration_s = self._clock() - self._start
        memory, before = _memory_bytes(), self._memory
        self._keep(
            Measurement(
                model=self._model,
                start_time=self._start_time,
                duration_s=duration_s,
                first_token_s=self._first_token_s,
                completion_tokens=self._completion_tokens,
                error=None if error is None else f"{type(error).__name__}: {error}",
                memory_delta_bytes=None if memory is None or before is None else memory - before,
            )
        )


def _memory_bytes() -> int | None:
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        return None
    import resource

    return pages * resource.getpagesize()


def _percentile(rising: list[float], percent: float) -> float:
    return rising[max(0, ceil(len(rising) * percent / 100) - 1)] if rising else 0.0
