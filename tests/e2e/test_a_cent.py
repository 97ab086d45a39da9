"""A cent on a key: set over HTTP, hit, refused with the reason, read by model, billed, rebuilt."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from hearth.pricing import NANO
from tests.running import RunningHearth, running_hearth

LIMIT_S = 60
CENT = NANO // 100


def nano(money: dict[str, Any]) -> int:
    """Nano-USD of typeMoney."""
    return int(money["units"]) * NANO + int(money["nanos"])


def spend(api: httpx.Client, model: str) -> httpx.Response:
    """Ask until the answer is a refusal."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "word " * 8_000}],
        "max_tokens": 200,
    }
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        answer = api.post("/chat/completions", json=body)
        if answer.status_code != 200:
            return answer
    raise AssertionError("nothing was ever refused")


@pytest.fixture(scope="module")
def hearth(tmp_path_factory: pytest.TempPathFactory) -> Any:  # Any: a generator of the server
    with running_hearth(tmp_path_factory.mktemp("cent")) as running:
        yield running


def settled(api: httpx.Client, path: str) -> dict[str, Any]:
    """The limit once nothing that ran is still on its way to the ledger."""
    deadline = time.monotonic() + LIMIT_S
    before = -1
    while time.monotonic() < deadline:
        quota: dict[str, Any] = api.get(path).json()
        if (spent := nano(quota["usageAmount"])) == before and spent > 0:
            return quota
        before = spent
        time.sleep(0.3)
    raise AssertionError("the ledger does not come to rest")


def test_a_cent_is_hit_refused_and_billed_to_the_last_digit(hearth: RunningHearth) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    with hearth.client() as api:
        account = api.get("/verifyApiKey").headers["x-fireworks-account-id"]
        user = api.get(f"/accounts/{account}/users").json()["users"][0]["name"]
        key = api.get(f"/{user}/apiKeys").json()["apiKeys"][0]["keyId"]
        quota = f"/{user}/apiKeys/{key}/quotas/monthly-spend-usd"
        put = api.patch(quota, params={"allowMissing": "true"}, json={"value": "0.01"})
        assert put.status_code == 200, put.text

        refused = spend(api, "accounts/fireworks/models/llama-v3p1-8b-instruct")

        assert refused.status_code == 402, refused.text
        message = refused.json()["error"]["message"]
        assert "monthly spending limit" in message
        assert key in message
        spent = nano(settled(api, quota)["usageAmount"])
        assert 0 < spent <= CENT, (message, api.get(quota).json())
        span = {
            "startTime": f"{month}-01T00:00:00Z",
            "endTime": f"{datetime.now(UTC):%Y-%m-%d}T23:59:59Z",
        }
        usage = api.get(f"/accounts/{account}/billingUsage", params=span).json()
        assert sum(nano(row["cost"]) for row in usage["serverlessCosts"]) == spent
        path = f"/accounts/{account}/invoices/{month}"
        invoice = api.get(path)
        assert nano(invoice.json()["amountDue"]) == spent
        assert api.get(path).content == invoice.content
        books = api.get(f"/accounts/{account}/billing/trialBalance").json()
        assert books["balanced"] is True
