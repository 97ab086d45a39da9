"""`client.responses` of `openai` from PyPI, unmodified."""

from __future__ import annotations

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth


@pytest.fixture(scope="module")
def facts(hearth: RunningHearth, openai_environment: Environment) -> Facts:
    base_url = f"{hearth.url}/inference/v1"
    return run_python(openai_environment, "openai_responses.py", base_url, **keys_of(hearth))


def test_it_answers(facts: Facts) -> None:
    answer = facts["plain"]

    assert answer["text"]
    assert (answer["status"], answer["reason"]) == ("incomplete", "max_output_tokens")
    assert answer["metadata"] == {"a": "b"}
    assert answer["usage"]["output_tokens"] == 8


def test_it_streams_the_same_as_events_of_its_own_classes(facts: Facts) -> None:
    streamed = facts["stream"]

    assert streamed["text"] == streamed["final"] == facts["plain"]["text"]
    assert streamed["usage"] == facts["plain"]["usage"]
    assert streamed["kinds"][:2] == ["response.created", "response.in_progress"]
    assert streamed["kinds"][-1] == "response.incomplete"
    assert all(name.startswith("Response") for name in streamed["classes"])


def test_its_stream_helper_puts_the_answer_together(facts: Facts) -> None:
    accumulated = facts["accumulated"]

    assert accumulated["status"] == "completed"
    assert accumulated["text"] == accumulated["final"]


def test_it_goes_on_from_a_kept_response(facts: Facts) -> None:
    assert facts["conversation"]["previous"]
    assert facts["conversation"]["text"] == facts["conversation"]["told"]


def test_it_calls_tools_and_sends_their_results(facts: Facts) -> None:
    tools = facts["tools"]

    assert set(tools["names"]) == {"weather"}
    assert all(arguments["city"] in {"Ulm", "Rome"} for arguments in tools["arguments"])
    assert tools["streamed"] == tools["arguments"]
    assert tools["deltas"]
    assert tools["after"] == tools["told"] != ""


def test_it_parses_into_a_model(facts: Facts) -> None:
    assert isinstance(facts["parsed"]["burns"], bool)
    assert isinstance(facts["parsed"]["logs"], int)


def test_it_sees_the_thinking_apart(facts: Facts) -> None:
    reasoning = facts["reasoning"]

    assert "".join(reasoning["thoughts"]) == reasoning["streamed"] != ""
    assert reasoning["text"]
    assert reasoning["tokens"] > 0


def test_it_finds_and_deletes_what_was_kept(facts: Facts) -> None:
    kept = facts["kept"]

    assert kept["same"]
    assert kept["gone"] == {"status": 404, "code": "NOT_FOUND", "param": None}
    assert kept["field"]["param"] == "max_tool_calls"
