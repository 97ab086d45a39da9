"""What workers say of themselves becomes rates, means, and the time of the last request."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.deployments.load import Load
from hearth.engines.protocol import Stats, Tally


def stats(running: int = 0, **tally: Any) -> Stats:
    return Stats(running=running, tally=Tally(**tally))


def test_sums_become_rates_over_the_last_seconds() -> None:
    load = Load()

    load.look({"r": stats(finished=10, generated_tokens=100)}, now_s=100.0)
    load.look({"r": stats(running=2, finished=30, generated_tokens=600)}, now_s=105.0)

    seen = load.observation(num_ready=1, slots=4)
    assert seen.requests_per_second == pytest.approx(4.0)
    assert seen.tokens_generated_per_second == pytest.approx(100.0)
    assert seen.busy_slots == 2
    assert load.values(1, 4)["load"] == pytest.approx(0.5)


def test_a_worker_that_was_started_again_counts_from_zero_and_loses_nothing() -> None:
    load = Load()

    load.look({"r": stats(started=5, finished=5)}, now_s=1.0)
    load.look({"r": stats(started=2, finished=2)}, now_s=2.0)
    load.look({"r": stats(started=3, finished=3), "s": stats(started=4, finished=4)}, now_s=3.0)

    assert load.values(2, 1)["requests_total"] == 12.0


def test_only_a_request_that_arrives_is_the_last_one() -> None:
    load = Load()

    load.look({"r": stats(running=1, started=1)}, now_s=1.0)
    load.look({"r": stats(started=1, finished=1)}, now_s=9.0)  # its end is no new request
    assert load.last_request_s == 1.0

    load.look({}, now_s=20.0)  # nobody is left to say anything
    assert load.last_request_s == 1.0
    load.asked(25.0)
    assert load.last_request_s == 25.0


def test_nothing_known_is_nothing_done() -> None:
    values = Load().values(0, 0)

    assert set(values.values()) == {0.0}
