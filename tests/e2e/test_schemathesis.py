"""Thousands of requests made from our own OpenAPI document, right and wrong ones.

None is answered with a 5xx or not at all, no worker is lost, and the ledger has each answer once.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hearth.gateway.openapi import BODIES
from tests.e2e.clients.driven import PROGRAMS, clean_environment
from tests.e2e.clients.environments import SCHEMATHESIS, environment
from tests.gateway.test_chat import ASK
from tests.running import RunningHearth, running_hearth

NUM_CASES = 5000
EXAMPLES_PER_OPERATION = 400  # beside the cases that follow from the schemas alone
ANSWER_LIMIT_S = 10
RUN_LIMIT_S = 900
CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance"
OPTIONS: Sequence[str] = [
    "--no-color", "--continue-on-failure", "--suppress-health-check", "all",
    "--generation-database", "none", "--phases", "examples,coverage,fuzzing",
]  # fmt: skip

EMBED = {"model": "accounts/fireworks/models/all-minilm-l6-v2", "input": "a cat"}

Answer = dict[str, Any]  # Any: JSON


def fuzz(hearth: RunningHearth, folder: Path) -> tuple[str, list[Answer]]:
    """Run schemathesis; return what it said and what was answered."""
    log = folder / "answers.jsonl"
    key = hearth.credentials["api_key"]
    done = subprocess.run(
        [
            environment(SCHEMATHESIS).folder / "bin" / "schemathesis",
            *("run", f"{hearth.url}/openapi.json", "--header", f"Authorization: Bearer {key}"),
            *("--checks", CHECKS, "--request-timeout", str(ANSWER_LIMIT_S)),
            *("--max-examples", str(EXAMPLES_PER_OPERATION), "--seed", "1", *OPTIONS),
        ],
        env=clean_environment(
            SCHEMATHESIS_HOOKS=str(PROGRAMS / "fuzzing.py"), FUZZING_LOG=str(log)
        ),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, [json.loads(line) for line in log.read_text().splitlines()]


def ledger(home: Path) -> dict[str, int]:
    """The status of every row, by request id."""
    with closing(sqlite3.connect(home / "state.db")) as database:
        return dict(database.execute("SELECT request_id, http_status FROM usage_events"))


@pytest.mark.slow
def test_nothing_that_the_document_leads_to_breaks_the_server(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "run"
    folder.mkdir()
    with running_hearth(home) as hearth, hearth.client() as api:
        others = [api.post("/embeddings", json=EMBED)]  # its worker starts when first asked
        workers = hearth.worker_pids()

        said, answers = fuzz(hearth, folder)

        statuses = Counter((each["path"], each["status"]) for each in answers)
        sys.stdout.write(f"\n{len(answers)} answers: {dict(sorted(statuses.items()))}\n")  # for -s
        assert len(answers) >= NUM_CASES, said
        assert max(each["status"] for each in answers) < 500, statuses
        assert {path for path, status in statuses if status == 200} >= BODIES.keys(), statuses
        assert hearth.worker_pids() == workers, "a worker was lost"
        others += [api.post("/chat/completions", json=ASK), api.post("/embeddings", json=EMBED)]
        assert [each.status_code for each in others] == [200, 200, 200]

    rows = ledger(home)
    sent = {each["request_id"]: each["status"] for each in answers}
    good = {each["request_id"] for each in answers if is_metered(each)}
    good |= {each.headers["x-request-id"] for each in others}
    written = {request_id for request_id, status in rows.items() if status == 200}
    assert len(written - good) == 1, "only the first answer, of the start, is another's"
    assert good <= written, "an answer is not in the ledger"
    refused = {request_id: status for request_id, status in rows.items() if status != 200}
    assert refused.items() <= sent.items(), "the ledger knows a request that was not answered so"


def is_metered(answer: Answer) -> bool:
    """Whether an answer was paid for."""
    return bool(answer["method"] == "POST" and answer["status"] == 200)
