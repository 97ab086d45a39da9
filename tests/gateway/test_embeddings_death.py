"""A worker that dies while it makes vectors."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.gateway.ledger import settled
from tests.gateway.under_way import running_requests
from tests.running import running_hearth

MODEL = "accounts/fireworks/models/gte-base"
LONG = " ".join(f"word{i}" for i in range(500))
LIMIT_S = 60.0


def test_what_a_dead_worker_had_done_is_settled_and_the_next_call_is_answered(
    tmp_path: Path,
) -> None:
    with running_hearth(tmp_path) as hearth, hearth.client() as api, ThreadPoolExecutor() as pool:
        others = set(hearth.worker_pids())
        small = {"model": MODEL, "input": "a cat"}
        first = api.post("/embeddings", json=small)
        (worker,) = set(hearth.worker_pids()) - others

        large = {"model": MODEL, "input": [LONG] * 2048}
        asked = pool.submit(api.post, "/embeddings", json=large, timeout=LIMIT_S)
        while running_requests(hearth) < 2:
            api.post("/embeddings", json=small)
        api.post("/embeddings", json=small)  # shares its batch with the large one
        os.kill(worker, signal.SIGKILL)
        answer = asked.result(LIMIT_S)
        again = api.post("/embeddings", json=small)

        assert first.status_code == again.status_code == 200
        assert answer.status_code == 503
        (row,) = settled(hearth, column="request_id", value=answer.headers["x-request-id"])
        assert (row.outcome, row.http_status) == ("failed", 503)
        assert 0 < row.prompt_tokens < 2048 * 500
