"""`anthropic` from PyPI, unmodified: only the base URL and the key are ours."""

from __future__ import annotations

import pytest

from tests.e2e.clients.driven import Facts, run_python
from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
SMALL = "accounts/fireworks/models/smollm2-135m-instruct"
SENTENCE = "Model not found, inaccessible, and/or not deployed"


def facts_of(
    hearth: RunningHearth, client: Environment, base: str, model: str, *names: str
) -> Facts:
    key = hearth.credentials["api_key"]
    arguments = [f"{hearth.url}{base}", model, *names]
    return run_python(client, "anthropic_sync.py", *arguments, ANTHROPIC_API_KEY=key)


@pytest.fixture(scope="module", params=["/inference", ""])
def facts(
    request: pytest.FixtureRequest, hearth: RunningHearth, anthropic_environment: Environment
) -> Facts:
    return facts_of(hearth, anthropic_environment, request.param, MODEL)


def test_it_answers(facts: Facts) -> None:
    answer = facts["plain"]

    assert answer["text"]
    assert answer["stop_reason"] == "max_tokens"
    assert answer["usage"]["output_tokens"] == 8
    assert answer["request_id"]


def test_it_streams_the_same(facts: Facts) -> None:
    streamed, whole = facts["stream"], facts["plain"]

    assert streamed["text"] == streamed["final"] == whole["text"]
    assert streamed["stop_reason"] == whole["stop_reason"]
    assert streamed["usage"] == whole["usage"]
    assert streamed["kinds"][0] == "message_start"
    assert streamed["kinds"][-1] == "message_stop"


def test_it_learns_which_stop_sequence_ended_the_text(facts: Facts) -> None:
    stops = facts["stops"]

    assert stops["met"] == ["stop_sequence", stops["stop"], stops["before"]]
    assert stops["streamed"] == stops["met"]
    assert stops["missed"] == ["end_turn", None]


def test_it_calls_tools_and_sends_their_results(facts: Facts) -> None:
    tools = facts["tools"]

    assert set(tools["names"]) == {"weather"}
    assert all(given["city"] in {"Ulm", "Rome"} for given in tools["inputs"])
    assert tools["stop_reason"] == "tool_use"
    assert tools["streamed"] == tools["inputs"]
    assert tools["after"]


def test_it_sees_the_thinking_and_sends_it_back(facts: Facts) -> None:
    thinking = facts["thinking"]

    assert thinking["kinds"] == ["thinking", "text"]
    assert thinking["signed"]
    assert thinking["same"]
    assert thinking["again"]


def test_its_errors_are_of_the_class_that_fits(facts: Facts) -> None:
    errors = facts["errors"]

    assert errors["key"]["body"]["error"]["type"] == "authentication_error"
    assert errors["model"]["body"]["error"]["message"] == SENTENCE
    assert errors["field"]["status"] == 400
    assert all(error["request_id"] for error in errors.values())


def test_it_talks_to_real_weights(
    real_hearth: RunningHearth, anthropic_environment: Environment
) -> None:
    facts = facts_of(real_hearth, anthropic_environment, "/inference", SMALL, "plain", "stream")

    assert facts["plain"]["text"]
    assert facts["plain"]["usage"]["output_tokens"] == 8
    assert facts["stream"]["stop_reason"] == "max_tokens"
