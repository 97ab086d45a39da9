"""An operator stops an account and lets it go on; gateways that run keep to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.commands import hearth_command
from tests.gateway.limited import MODEL
from tests.running import RunningHearth, running_hearth

SOON_S = 5.0  # half a second, where the machine does nothing else
QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "max_tokens": 1}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    """One whose account may be stopped."""
    with running_hearth(tmp_path_factory.mktemp("suspended")) as running:
        yield running


@pytest.fixture
def client(own: RunningHearth) -> Iterator[httpx.Client]:
    with own.client() as client:
        yield client


def account_of(client: httpx.Client) -> str:
    name: str = client.get("/verifyApiKey").headers["x-fireworks-account-id"]
    return name


def operator(home: Path, *words: str) -> None:
    done = hearth_command(home, "accounts", *words)
    assert done.returncode == 0, done.stderr


def answered_with(client: httpx.Client, status: int) -> httpx.Response:
    """Ask until the answer has this status, which is soon."""
    deadline = time.monotonic() + SOON_S
    while True:
        answer = client.post("/chat/completions", json=QUESTION)
        if answer.status_code == status:
            return answer
        assert time.monotonic() < deadline, f"still {answer.status_code}: {answer.text}"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("FAILED_PAYMENTS", "its payments have failed"),
        ("BLOCKED_BY_ABUSE_RULE", "its use broke a rule"),
    ],
)
def test_a_suspended_account_is_told_why_until_it_is_resumed(
    own: RunningHearth, client: httpx.Client, state: str, reason: str
) -> None:
    account = account_of(client)
    assert client.post("/chat/completions", json=QUESTION).status_code == 200

    operator(own.home, "suspend", account, "--reason", state)
    refused = answered_with(client, 412)
    operator(own.home, "resume", account)
    answered_with(client, 200)

    assert f"Account {account} is suspended: {reason}" in refused.json()["error"]["message"]


def test_every_api_refuses_a_suspended_account_and_still_shows_why(
    own: RunningHearth, client: httpx.Client
) -> None:
    account = account_of(client)
    operator(own.home, "suspend", account)
    answered_with(client, 412)

    message = client.post("/messages", json=QUESTION)
    response = client.post("/responses", json={"model": MODEL, "input": "Why?"})
    shown = client.get(f"/v1/accounts/{account}")
    operator(own.home, "resume", account)
    answered_with(client, 200)

    assert {message.status_code, response.status_code} == {412}
    assert (shown.status_code, shown.json()["suspendState"]) == (200, "FAILED_PAYMENTS")
