"""Ten thousand malformed bodies get ten thousand 4xx; whatever is sent, nothing is a 5xx."""

from __future__ import annotations

import http.client
import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.gateway.test_chat import ASK
from tests.running import RunningHearth

NUM_BODIES = 10_000
ODD: list[Any] = [
    None, True, -1, 0, 1e400, 10**30, "", "x", [], [[]], {}, {"a": None}, [None], "\ud800", -0.0,
]  # fmt: skip
WRONG: dict[str, list[Any]] = {
    "model": [None, 1, "", [], {}, "x" * 600],
    "messages": [None, 1, "x", [], {}, [1], [{}], [{"role": "x"}], [{"role": "user"}]],
    "n": [0, -1, 129, "1", 1.5, []],
    "temperature": [-0.1, 2.1, "1", [], {}],
    "top_p": [-1, 1.1, "x"],
    "max_tokens": [-1, "5", 1.5, [], {}],
    "stop": [1, [1], ["a"] * 5, "", [""]],
    "stream": ["yes", 1, []],
    "logit_bias": [[], {"a": 1}, {"1": 101}, {"1": "x"}, {"-1": 1}],
    "seed": ["x", 1.5, 10**40],
    "user": [1, []],
    "metadata": [1, {"a": 1}],
    "tools": [
        1,
        "x",
        [1],
        [{}],
        [{"type": "function"}],
        [{"type": "x", "function": {}}],
        [{"type": "function", "function": {"name": "a b"}}],
    ],
    "response_format": [1, [], {}, {"type": 1}, {"type": "json_schema"}, {"type": "regex"}],
    "reasoning_effort": ["", "x", [], {}, 0, -1],
    "thinking": [1, {}, {"type": "x"}, {"type": "enabled", "budget_tokens": 1}],
    "logprobs": [6, -1, "x", []],
    "top_logprobs": [6, "x", 1],
    "prediction": [1, {}, {"type": "content"}],
    "service_tier": [1, "gold"],
    "functions": [1, [1], [{}], [{"name": ""}]],
}
"""Values that no reader of the contract could take, by field."""


@pytest.fixture
def connection(hearth: RunningHearth) -> Iterator[http.client.HTTPConnection]:
    """A kept connection; an HTTP library would take most of the test's time."""
    with closing(http.client.HTTPConnection("127.0.0.1", hearth.port, timeout=30)) as it:
        yield it


def malformed(rng: random.Random) -> bytes:
    """A body that must be refused."""
    if rng.random() < 0.5:
        field = rng.choice(list(WRONG))
        return json.dumps(ASK | {field: rng.choice(WRONG[field])}).encode()
    good = json.dumps(ASK).encode()
    if rng.random() < 0.5:
        return good[: rng.randrange(len(good) - 1)]  # cut short
    at = rng.randrange(len(good))
    return good[:at] + bytes([rng.choice(b"\x00\x01\xff\xfe\x80")]) + good[at:]


def test_malformed_bodies_are_4xx(
    hearth: RunningHearth, connection: http.client.HTTPConnection
) -> None:
    rng = random.Random(1)
    headers = {"Authorization": f"Bearer {hearth.credentials['api_key']}"}
    paths = ["/v1/chat/completions", "/inference/v1/completions"]

    statuses: Counter[int] = Counter()
    for i in range(NUM_BODIES):
        connection.request("POST", paths[i % 2], malformed(rng), headers)
        response = connection.getresponse()
        statuses[response.status] += 1
        error = json.loads(response.read())["error"]
        assert error["message"], error

    assert statuses.keys() <= {400, 404, 422}, statuses
    assert statuses.total() == NUM_BODIES


def test_odd_values_anywhere_are_never_a_5xx(
    hearth: RunningHearth, connection: http.client.HTTPConnection
) -> None:
    rng = random.Random(2)
    headers = {"Authorization": f"Bearer {hearth.credentials['api_key']}"}

    for _ in range(500):
        body = ASK | {"max_tokens": 1}
        for _ in range(rng.randrange(1, 4)):
            name = rng.choice(
                [*WRONG, "zebra", "extra_body", "tool_choice", "echo", "\ud800", "x-y"]
            )
            body[name] = rng.choice(ODD)
        connection.request("POST", "/v1/chat/completions", json.dumps(body).encode(), headers)
        response = connection.getresponse()
        assert response.status < 500, (body, response.read())
        response.read()
