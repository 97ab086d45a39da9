"""Tools, structured answers and log-probabilities by `openai` from PyPI, unmodified."""

from __future__ import annotations

import math

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_python
from tests.e2e.clients.environments import Environment

CITIES = {"Paris", "Rome"}


@pytest.fixture(scope="module", params=["hearth", "real_hearth"])
def base_url(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """An engine that draws words, and one that computes them."""
    hearth = request.getfixturevalue(request.param)
    return f"{hearth.url}/inference/v1", keys_of(hearth)


@pytest.fixture(scope="module")
def facts(base_url: tuple[str, dict[str, str]], openai_environment: Environment) -> Facts:
    url, keys = base_url
    return run_python(openai_environment, "openai_features.py", url, **keys)


@pytest.mark.parametrize("way", ["whole", "streamed"])
def test_a_program_calls_a_tool_twice_and_then_gets_words(facts: Facts, way: str) -> None:
    run = facts["tools"][way]

    calls = run["calls"]
    assert [call["name"] for call in calls] == ["get_weather"] * 2
    assert all(call["arguments"]["city"] in CITIES for call in calls)
    assert len({call["id"] for call in calls}) == 2
    assert run["reasons"][:2] == ["tool_calls", "tool_calls"]
    assert run["reasons"][2] in {"stop", "length"}
    assert run["answer"]


def test_the_first_piece_of_a_call_names_it_and_all_carry_its_index(facts: Facts) -> None:
    deltas = facts["tool_deltas"]

    first = deltas["first"]
    assert set(deltas["indices"]) == {0}
    assert deltas["names"] == [first["function"]["name"]] == ["get_weather"]
    assert deltas["ids"] == [first["id"]]
    assert deltas["reasons"] == ["tool_calls"]
    assert deltas["arguments"].startswith("{")
    assert deltas["arguments"].endswith("}")


def test_answers_are_parsed_into_pydantic_models(facts: Facts) -> None:
    parse = facts["parse"]

    for way in ("parsed", "beta", "streamed", "any_object"):
        assert parse[way]["city"] in CITIES, way
        assert parse[way]["sky"] in {"clear", "cloudy", "rain"}
        assert isinstance(parse[way]["is_warm"], bool)
    assert "content.done" in parse["kinds"]
    assert parse["tool"]["name"] == "GetWeather"
    assert parse["tool"]["arguments"]["city"] in CITIES


def test_every_token_has_its_log_probability_and_alternatives(facts: Facts) -> None:
    logprobs = facts["logprobs"]

    spelled = bytes(byte for token in logprobs["bytes"] for byte in token)
    assert spelled.decode().strip() == logprobs["text"].strip()
    assert logprobs["streamed"] == logprobs["tokens"]
    assert [len(tops) for tops in logprobs["tops"]] == [3] * len(logprobs["tokens"])
    for value, tops in zip(logprobs["values"], logprobs["tops"], strict=True):
        assert value <= 0
        assert tops == sorted(tops, reverse=True)
        assert math.fsum(math.exp(top) for top in tops) <= 1.0001


def test_completions_have_parallel_lists(facts: Facts) -> None:
    completion = facts["logprobs"]["completion"]

    assert "".join(completion["tokens"]) == completion["text"]
    starts = [0]
    for token in completion["tokens"][:-1]:
        starts.append(starts[-1] + len(token))
    assert completion["text_offset"] == starts
    assert [len(tops) for tops in completion["top_logprobs"]] == [2] * len(starts)
    assert all(value <= 0 for value in completion["token_logprobs"])


def test_what_cannot_be_honoured_is_refused_by_name(facts: Facts) -> None:
    refusals = facts["refusals"]

    assert refusals["schema"]["param"].startswith("response_format")
    assert refusals["choice"]["param"].startswith("tool_choice")
    assert refusals["top"]["param"] == "top_logprobs"


def test_the_asynchronous_client_asks_for_all_at_once(
    base_url: tuple[str, dict[str, str]], openai_environment: Environment
) -> None:
    url, keys = base_url

    facts = run_python(openai_environment, "openai_async_features.py", url, **keys)

    assert sorted(facts) == ["call", "parse", "stream_call", "stream_parse"]
    for way, answer in facts.items():
        assert answer["city"] in CITIES, way
        assert isinstance(answer["is_warm"], bool)
