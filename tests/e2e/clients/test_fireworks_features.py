"""Tools, constraints, reasoning and log-probabilities by `fireworks-ai`, new and old."""

from __future__ import annotations

import json

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth

CITIES = {"Paris", "Rome"}


@pytest.fixture(scope="module", params=["", pytest.param("/inference", marks=pytest.mark.slow)])
def facts(
    request: pytest.FixtureRequest, real_hearth: RunningHearth, fireworks_environment: Environment
) -> Facts:
    base_url = f"{real_hearth.url}{request.param}"
    return run_python(
        fireworks_environment, "fireworks_features.py", base_url, **keys_of(real_hearth)
    )


@pytest.fixture(scope="module")
def old_facts(real_hearth: RunningHearth, old_fireworks_environment: Environment) -> Facts:
    return run_python(
        old_fireworks_environment,
        "fireworks_old_features.py",
        **keys_of(real_hearth),
        FIREWORKS_API_BASE=f"{real_hearth.url}/inference/v1",
    )


def fits(answer: Facts) -> bool:
    """Whether an answer follows the programs' schema."""
    return answer["city"] in CITIES and isinstance(answer["is_warm"], bool)


def test_it_calls_a_tool_whole_and_streamed_and_hands_back_the_result(facts: Facts) -> None:
    tools = facts["tools"]

    assert tools["name"] == "get_weather"
    assert fits(tools["arguments"])
    assert fits(tools["streamed"])
    assert set(tools["indices"]) == {0}
    assert tools["finish_reason"] == tools["stream_reason"] == "tool_calls"
    assert tools["stream_has_usage"]
    assert tools["answer"]


def test_answers_keep_to_a_schema_or_a_grammar(facts: Facts) -> None:
    formats = facts["formats"]

    assert fits(json.loads(formats["schema"]))
    assert fits(json.loads(formats["object"]))
    assert formats["grammar"] in {"yes", "no"}


def test_log_probabilities_have_token_ids_and_both_shapes(facts: Facts) -> None:
    logprobs = facts["logprobs"]

    assert set(logprobs["tops"]) == {3}
    assert all(isinstance(token_id, int) for token_id in logprobs["ids"])
    assert logprobs["indices"] == [0, 1, 2, 3]
    for lists, text in zip(logprobs["lists"], logprobs["texts"], strict=True):
        assert "".join(lists["tokens"]) == text
        assert len(lists["token_ids"]) == len(lists["token_logprobs"]) == len(lists["tokens"])
    pairs = zip("aabb", logprobs["texts"], strict=True)
    assert logprobs["echoed"] == [prompt + text for prompt, text in pairs]
    assert logprobs["first"] == [None] * 4


def test_reasoning_is_switched_and_told_apart(facts: Facts) -> None:
    reasoning = facts["reasoning"]

    assert not reasoning["off"]
    assert reasoning["on"]
    assert "reasoning_effort" in reasoning["both"]


def test_the_raw_output_has_the_ids_of_prompt_and_answer(facts: Facts) -> None:
    raw = facts["raw"]

    assert raw["prompt_ids"]
    assert len(raw["token_ids"]) == 4
    assert raw["completion"].strip() == raw["text"].strip()


def test_it_sends_messages_whole_and_streamed(facts: Facts) -> None:
    messages = facts["messages"]

    assert messages["type"] == "message"
    assert messages["streamed"] == messages["text"] != ""
    assert messages["stop_reason"] in {"end_turn", "max_tokens"}
    assert messages["usage"]["output_tokens"] > 0
    assert messages["events"][0] == "message_start"
    assert "content_block_delta" in messages["events"]


def test_the_names_of_before_still_work(facts: Facts) -> None:
    assert facts["older_names"]["text"]
    assert facts["older_names"]["streamed"] == facts["older_names"]["text"]


@pytest.mark.slow
def test_the_old_client_has_tools_formats_and_log_probabilities(old_facts: Facts) -> None:
    assert old_facts["tools"]["name"] == "get_weather"
    assert fits(old_facts["tools"]["arguments"])
    assert fits(old_facts["tools"]["streamed"])
    assert old_facts["tools"]["answer"]
    assert fits(json.loads(old_facts["formats"]["object"]))
    assert old_facts["formats"]["grammar"] in {"yes", "no"}
    assert len(old_facts["logprobs"]["tokens"]) == 3
    assert "grammar" in old_facts["refused"]
