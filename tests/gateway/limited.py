"""Keys of their own, with limits, for one test each."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import httpx

from tests.running import RunningHearth

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
TOKEN_NANO = 200
"What a token of that model costs, of prompt and completion alike."

LIMIT_S = 20.0

_numbers = count()


class LimitedKey:
    """A new user's only key.

    Args:
        api: of an admin.
    """

    def __init__(self, hearth: RunningHearth, api: httpx.Client) -> None:
        account = api.get("/verifyApiKey").headers["x-fireworks-account-id"]
        users = f"/v1/accounts/{account}/users"
        user_id = f"limited-{next(_numbers)}"
        made = api.post(users, params={"userId": user_id}, json={"role": "user"})
        assert made.status_code == 200, made.text
        key = api.post(f"{users}/{user_id}/apiKeys", json={"apiKey": {}}).json()
        self._api = api
        self.name = f"{users}/{user_id}/apiKeys/{key['keyId']}"
        self.key_id: str = key["keyId"]
        self.client = hearth.client(key=key["key"])

    def limit(self, quota_id: str, value: str) -> None:
        """Set a limit; dollars for budgets."""
        answer = self._api.patch(
            f"{self.name}/quotas/{quota_id}", params={"allowMissing": True}, json={"value": value}
        )
        assert answer.status_code == 200, answer.text

    def quota(self, quota_id: str) -> dict[str, Any]:
        """A limit and how much of it is used."""
        quota: dict[str, Any] = self._api.get(f"{self.name}/quotas/{quota_id}").json()
        return quota

    def spent(self, quota_id: str, *, at_least: int) -> int:
        """What is spent of a budget, in nano-USD, once the ledger has so much."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            nanos: int = self.quota(quota_id)["usageAmount"]["nanos"]
            if nanos >= at_least:
                return nanos
            assert time.monotonic() < deadline, f"{nanos} nano-USD are spent, not {at_least}"

    def ask(self, path: str = "/chat/completions", **fields: Any) -> httpx.Response:
        """Ask for a chat completion, or for something else."""
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "seed": 1}
        return self.client.post(path, json=body | fields)
