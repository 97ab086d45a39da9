"""A response whose end was seen outlives a crash of everything."""

from __future__ import annotations

from pathlib import Path

from tests.gateway.test_responses import ASK, ask, events_of, text_of
from tests.running import running_hearth


def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    with running_hearth(tmp_path) as hearth, hearth.client() as api:
        streamed = events_of(api)[-1]["response"]
        hearth.kill()

    with running_hearth(tmp_path) as hearth, hearth.client() as api:
        assert api.get(f"/responses/{streamed['id']}").json() == streamed
        answer = ask(api, input="And?", previous_response_id=streamed["id"])
        told = [
            {"role": "user", "content": ASK["input"]},
            {"role": "assistant", "content": text_of(streamed)},
            {"role": "user", "content": "And?"},
        ]
        assert text_of(answer) == text_of(ask(api, input=told))
