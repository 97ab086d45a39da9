"""Tools, structured answers and log-probabilities by `openai` from npm, unmodified."""

from __future__ import annotations

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_node
from tests.e2e.clients.environments import Environment

CITIES = {"Paris", "Rome"}


ENGINES = ["hearth", pytest.param("real_hearth", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=ENGINES)
def facts(request: pytest.FixtureRequest, node_environment: Environment) -> Facts:
    """An engine that draws words, and one that computes them."""
    hearth = request.getfixturevalue(request.param)
    url = f"{hearth.url}/inference/v1"
    return run_node(node_environment, "openai_node_features.mjs", url, **keys_of(hearth))


@pytest.mark.parametrize("way", ["whole", "streamed"])
def test_a_program_calls_a_tool_twice_and_then_gets_words(facts: Facts, way: str) -> None:
    run = facts["tools"][way]

    assert [call["name"] for call in run["calls"]] == ["get_weather"] * 2
    assert all(call["arguments"]["city"] in CITIES for call in run["calls"])
    assert run["reasons"][:2] == ["tool_calls", "tool_calls"]
    assert run["answer"]


def test_the_runner_of_tools_calls_our_function_streamed_or_not(facts: Facts) -> None:
    whole, streamed = facts["runner"]["seen"]

    assert whole == streamed
    assert whole["city"] in CITIES


def test_structured_answers_follow_their_schema(facts: Facts) -> None:
    structured = facts["structured"]

    assert structured["streamed"] == structured["whole"]
    assert structured["whole"]["city"] in CITIES
    assert isinstance(structured["whole"]["is_warm"], bool)


def test_log_probabilities_come_with_their_alternatives(facts: Facts) -> None:
    logprobs = facts["logprobs"]

    assert "".join(logprobs["tokens"]).strip() == logprobs["text"].strip()
    assert logprobs["streamed"] == logprobs["tokens"]
    assert logprobs["num_tops"] == [2] * len(logprobs["tokens"])
