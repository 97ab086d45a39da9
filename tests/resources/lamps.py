"""Making lamps over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

LAMPS = "/accounts/acme/lamps"

Json = dict[str, Any]


async def make(client: httpx.AsyncClient, lamp_id: str, **fields: object) -> Json:
    answer = await client.post(LAMPS, params={"lampId": lamp_id}, json=fields)
    assert answer.status_code == 200, answer.text
    made: Json = answer.json()
    return made
