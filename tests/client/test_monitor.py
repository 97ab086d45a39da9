"""What a monitor measures, by a clock that the test moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from hearth.client import PerformanceMonitor


class Clock:
    """Tells the time that it was set to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def monitor(clock: Clock) -> PerformanceMonitor:
    return PerformanceMonitor(clock=clock)


def spend(monitor: PerformanceMonitor, clock: Clock, *durations_s: float) -> None:
    for duration_s in durations_s:
        with monitor.measuring():
            clock.now += duration_s


def test_a_call_is_measured_and_its_answer_passed_on(
    monitor: PerformanceMonitor, clock: Clock
) -> None:
    def send() -> dict[str, Any]:
        clock.now += 2
        return {"usage": {"prompt_tokens": 9, "completion_tokens": 50}}

    assert monitor.measure(send, model="m")["usage"]

    (measured,) = monitor.measurements
    assert (measured.model, measured.duration_s, measured.success) == ("m", 2.0, True)
    assert measured.tokens_per_second == 25.0
    assert measured.first_token_s is None
    assert measured.start_time > 1_700_000_000


async def test_an_awaited_answer_is_measured_until_it_is_there(
    monitor: PerformanceMonitor, clock: Clock
) -> None:
    async def send() -> str:
        await asyncio.sleep(0)
        clock.now += 3
        return "answer"

    pending = monitor.measure(send)
    clock.now += 1

    assert await pending == "answer"
    assert monitor.average_response_time() == 4.0


def pieces() -> list[dict[str, Any]]:
    return [
        {"choices": [{"delta": {"role": "assistant", "content": ""}}]},
        {"choices": [{"delta": {"content": "Hel"}}]},
        {"choices": [{"delta": {"content": "lo"}}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 8}},
    ]


def test_the_first_token_of_a_stream_is_not_its_frame(
    monitor: PerformanceMonitor, clock: Clock
) -> None:
    def stream() -> Iterator[dict[str, Any]]:
        for piece in pieces():
            clock.now += 1
            yield piece

    assert list(monitor.measure(stream)) == pieces()

    (measured,) = monitor.measurements
    assert (measured.first_token_s, measured.duration_s) == (2.0, 4.0)
    assert measured.tokens_per_second == 2.0


async def test_asynchronous_streams_are_measured_to_their_end(
    monitor: PerformanceMonitor, clock: Clock
) -> None:
    async def stream() -> AsyncIterator[dict[str, Any]]:
        for piece in pieces():
            clock.now += 1
            yield piece

    assert [piece async for piece in monitor.measure(stream)] == pieces()
    left = monitor.measure(stream)
    await anext(left)
    await left.aclose()  # type: ignore[attr-defined]  # it is a generator

    whole, part = monitor.measurements
    assert (whole.first_token_s, whole.duration_s) == (2.0, 4.0)
    assert (part.first_token_s, part.duration_s, part.success) == (None, 1.0, True)


@pytest.mark.parametrize(
    "piece",
    [
        {"choices": [{"text": "Hi"}]},
        {"choices": [{"delta": {"reasoning_content": "Hm"}}]},
        {"choices": [{"delta": {"tool_calls": [{}]}}]},
        {"type": "response.output_text.delta", "delta": "Hi"},
    ],
)
def test_text_thoughts_and_calls_are_first_tokens(
    monitor: PerformanceMonitor, piece: dict[str, Any]
) -> None:
    frames: list[dict[str, Any]] = [{"type": "response.created"}, {"choices": []}]
    list(monitor.measure(lambda: iter(frames)))
    list(monitor.measure(lambda: iter([*frames, piece])))

    assert [each.first_token_s is None for each in monitor.measurements] == [True, False]


def test_failures_are_kept_and_passed_on(monitor: PerformanceMonitor, clock: Clock) -> None:
    def fail() -> None:
        clock.now += 5
        raise LookupError("not here")

    with pytest.raises(LookupError):
        monitor.measure(fail)
    with pytest.raises(LookupError), monitor.measuring():
        fail()
    spend(monitor, clock, 1, 3)

    assert [each.error for each in monitor.measurements][:2] == ["LookupError: not here"] * 2
    assert monitor.error_rate() == 0.5
    assert monitor.average_response_time() == 2.0


def test_percentiles_are_durations_that_occurred(monitor: PerformanceMonitor, clock: Clock) -> None:
    spend(monitor, clock, *range(100, 0, -1))

    assert [monitor.percentile(p) for p in (0, 1, 50, 95, 99.5, 100)] == [1, 1, 50, 95, 100, 100]
    with pytest.raises(ValueError, match="percent"):
        monitor.percentile(101)


def test_a_monitor_without_measurements_answers_zero(monitor: PerformanceMonitor) -> None:
    assert monitor.average_response_time() == monitor.percentile(50) == monitor.error_rate() == 0.0
    assert monitor.as_dict()["tokens_per_second_p50"] == 0.0


def test_only_the_youngest_are_kept(clock: Clock) -> None:
    monitor = PerformanceMonitor(keep=2, clock=clock)
    spend(monitor, clock, 1, 2, 3)

    shown = json.loads(json.dumps(monitor.as_dict()))
    assert [each["duration_s"] for each in shown["measurements"]] == [2.0, 3.0]
    assert (shown["requests"], shown["average_s"], shown["p50_s"]) == (2, 2.5, 2.0)


def test_memory_that_stays_is_seen(monitor: PerformanceMonitor) -> None:
    kept = monitor.measure(lambda: bytearray(b"x" * 50_000_000))

    delta = monitor.measurements[0].memory_delta_bytes
    assert len(kept) == 50_000_000
    assert delta is not None
    assert 40_000_000 < delta < 200_000_000
