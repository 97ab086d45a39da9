"""What Hearth tells of itself: metrics, the log, and the settings that change what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.test_crash import ledger
from tests.gateway.test_chat import ASK
from tests.running import RunningHearth, running_hearth

CANARY = "canary-8d1f"
PROMPT = {"messages": [{"role": "user", "content": f"Sing, {CANARY}!"}]}


def provoke(hearth: RunningHearth) -> None:
    """Send the canary in every way that might reach a log: good, wrong, streamed, as a key."""
    with hearth.client() as api:
        for body in (
            ASK | PROMPT,
            ASK | PROMPT | {"stream": True},
            ASK | PROMPT | {"temperature": "hot"},
            ASK | PROMPT | {"model": "no-such-model"},
        ):
            api.post("/chat/completions", json=body)
        api.post("/completions", json={"model": ASK["model"], "prompt": CANARY, "max_tokens": 1})
        api.post("/chat/completions", content=b'{"messages": "' + CANARY.encode())
        api.get("/models", headers={"x-api-key": f"fw_{CANARY}"})
    with hearth.client(key=f"fw_{CANARY}") as api:
        assert api.post("/chat/completions", json=ASK).status_code == 401


def log_after_welcome(hearth: RunningHearth) -> str:
    """All that was written since the welcome, which shows the key on purpose."""
    hearth.stop()
    return "".join(hearth.output).partition("Ctrl-C stops it.\n")[2]


def test_metrics_are_readable_and_count_what_was_asked(tmp_path: Path) -> None:
    with running_hearth(tmp_path) as hearth:
        provoke(hearth)

        page = httpx.get(f"{hearth.url}/metrics")

    families = {each.name: each for each in text_string_to_metric_families(page.text)}
    assert page.headers["content-type"].startswith("text/plain")
    samples = [s for s in families["hearth_requests"].samples if s.name.endswith("_total")]
    assert sum(sample.value for sample in samples) >= 8
    for told in ("tokens", "waiting", "first_token", "worker"):
        assert any(told in name for name in families), f"{told}: {sorted(families)}"
    assert CANARY not in page.text
    assert all(each.documentation for each in families.values())


def test_no_prompt_and_no_key_is_ever_logged(tmp_path: Path) -> None:
    with running_hearth(tmp_path, log_level="debug") as hearth:
        key = hearth.credentials["api_key"]
        provoke(hearth)
        log = log_after_welcome(hearth)

    assert "/chat/completions" in log  # the requests are logged, and yet
    assert CANARY not in log
    assert key not in log


def test_requests_are_logged_when_asked_for_with_the_key_redacted(tmp_path: Path) -> None:
    with running_hearth(tmp_path, log_requests="true") as hearth:
        key = hearth.credentials["api_key"]
        with hearth.client() as api:
            answer = api.post("/chat/completions", json=ASK | PROMPT).json()
        log = log_after_welcome(hearth)

    assert CANARY in log
    told = [json.loads(line)["message"] for line in log.splitlines() if line.startswith("{")]
    assert any(answer["choices"][0]["message"]["content"] in message for message in told)
    assert "[REDACTED]" in log
    assert key not in log


def test_unknown_fields_are_named_or_in_strict_mode_refused(tmp_path: Path) -> None:
    odd = ASK | {"zebra": 1}
    with running_hearth(tmp_path / "lax") as lax, lax.client() as api:
        taken = api.post("/chat/completions", json=odd)
    settings = {"strict_fields": "true"}
    with running_hearth(tmp_path / "strict", **settings) as strict, strict.client() as api:
        refused = api.post("/chat/completions", json=odd)
        good = api.post("/chat/completions", json=ASK)

    assert taken.status_code == 200
    assert "zebra" in taken.headers["x-ignored-fields"]
    assert refused.status_code == 400
    assert "zebra" in refused.json()["error"]["message"]
    assert good.status_code == 200


def test_with_a_flushed_journal_a_request_is_in_the_ledger_after_a_kill(tmp_path: Path) -> None:
    with running_hearth(tmp_path, journal_mode="fsync") as hearth, hearth.client() as api:
        ids = [api.post("/chat/completions", json=ASK).json()["id"] for _ in range(3)]
        hearth.kill()
    with running_hearth(tmp_path, journal_mode="fsync"):
        pass

    assert set(ids) <= {request_id for request_id, _, _ in ledger(tmp_path)}
