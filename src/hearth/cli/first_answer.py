"""One real chat completion through the platform's own HTTP API, shown as it streams."""

from __future__ import annotations

import http.client
import json
import sys
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from hearth.errors import SetupError

QUESTION = "In one sentence, what is a hearth?"
MAX_TOKENS = 48
LIMIT_S = 60.0


class FirstAnswer(Struct, frozen=True, kw_only=True):
    """What the completion told."""

    completion_tokens: int
    duration_s: float
    "From the first token to the last."
    served_by: str


def first_answer(base_url: str, api_key: str, model: str) -> FirstAnswer:
    """Ask, print the answer as it comes, and return its figures.

    Raises:
        SetupError: the platform did not answer as it must.
    """
    body = {
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": MAX_TOKENS,
        "temperature": 0,
        "stream": True,
    }
    place = urlsplit(base_url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=LIMIT_S)
    try:
        connection.request(
            "POST",
            "/inference/v1/chat/completions",
            json.dumps(body),
            {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"},
        )
        response = connection.getresponse()
        if response.status != 200:
            raise SetupError(f"The first answer failed: {response.read().decode()[:500]}")
        return _show(response)
    except OSError as error:
        raise SetupError(f"The first answer failed: {error}.") from error
    finally:
        connection.close()


def _show(response: http.client.HTTPResponse) -> FirstAnswer:
    first_s: float | None = None
    usage: dict[str, Any] = {}  # Any: a JSON object
    sys.stdout.write(f"\n  > {QUESTION}\n  ")
    for line in response:
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line.removeprefix(b"data: "))
        if "error" in event:
            raise SetupError(f"The first answer broke: {event['error']['message']}")
        text = event["choices"][0]["delta"].get("content")
        if text:
            first_s = first_s or perf_counter()
            sys.stdout.write(text.replace("\n", "\n  "))
            sys.stdout.flush()
        usage = event.get("usage") or usage
    sys.stdout.write("\n\n")
    return FirstAnswer(
        completion_tokens=usage.get("completion_tokens", 0),
        duration_s=perf_counter() - (first_s or perf_counter()),
        served_by=response.headers.get("x-hearth-served-by", ""),
    )
