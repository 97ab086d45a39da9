"""Two `hearth up` on one PostgreSQL: both answer, one runs the replicas, the other takes over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import RunningHearth, running_hearth

SHORT = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
MODEL = "accounts/fireworks/models/smollm2-135m-instruct"


def answers(hearth: RunningHearth, key: str) -> bool:
    with hearth.client(key=key) as client:
        return client.post("/chat/completions", json={"model": MODEL, **SHORT}).is_success


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_second_home_serves_by_the_first_and_then_takes_over(db_url: str, tmp_path: Path) -> None:
    with running_hearth(tmp_path / "first", database_url=db_url) as first:
        key = first.credentials["api_key"]
        with running_hearth(tmp_path / "second", database_url=db_url) as second:
            assert answers(second, key)
            assert (len(first.worker_pids()), len(second.worker_pids())) == (1, 0)
            assert any("The controller waits: process" in line for line in second.output)

            first.kill()
            assert answers(second, key), "".join(second.output)
            assert len(second.worker_pids()) == 1
