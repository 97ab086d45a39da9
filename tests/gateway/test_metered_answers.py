"""Answers of responses and messages are counted as those of chats are."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.gateway import test_messages, test_responses
from tests.running import RunningHearth

MODEL = test_responses.MODEL


def counted(hearth: RunningHearth) -> dict[str, int]:
    """The tokens settled so far for the model, by kind."""
    found = {}
    for line in httpx.get(f"{hearth.url}/metrics").text.splitlines():
        if line.startswith("hearth_tokens_total{") and MODEL in line:
            kind = line.split('kind="')[1].split('"')[0]
            found[kind] = int(float(line.split()[-1]))
    return found


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "ask"),
    [
        ("/responses", test_responses.ASK),
        ("/responses", test_responses.ASK | {"store": False}),
        ("/messages", test_messages.ASK),
    ],
    ids=["responses", "unkept", "messages"],
)
def test_each_answer_is_counted_once(
    hearth: RunningHearth, api: httpx.Client, path: str, ask: dict[str, Any], stream: bool
) -> None:
    api.post(path, json=ask)
    before = counted(hearth)

    answer = api.post(path, json=ask | {"stream": stream})

    assert answer.status_code == 200
    gained = {kind: num - before[kind] for kind, num in counted(hearth).items()}
    assert gained["completion"] == 12
    assert gained["prompt"] > 12
