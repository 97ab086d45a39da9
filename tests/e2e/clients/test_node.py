"""JavaScript: `openai` from npm, unmodified, and plain `fetch`."""

from __future__ import annotations

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_node
from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
SENTENCE = "Model not found, inaccessible, and/or not deployed"
BASES = ["/inference/v1", "/v1", ""]


@pytest.fixture(scope="module", params=BASES)
def facts(
    request: pytest.FixtureRequest, hearth: RunningHearth, node_environment: Environment
) -> Facts:
    base_url = f"{hearth.url}{request.param}"
    return run_node(node_environment, "openai_node.mjs", base_url, **keys_of(hearth))


def test_openai_chats(facts: Facts) -> None:
    assert facts["chat"]["text"]
    assert facts["chat"]["model"] == MODEL


def test_openai_streams_the_same_text_in_pieces_with_usage_once(facts: Facts) -> None:
    streamed = facts["stream"]

    assert streamed["text"] == facts["chat"]["text"] == facts["runner"]["text"]
    assert streamed["num_pieces"] > 1
    assert streamed["usages"] == [facts["chat"]["usage"]]
    assert streamed["finish_reason"] == facts["chat"]["choices"][0]["finish_reason"]


def test_openai_lists_models_and_retrieves_one(facts: Facts) -> None:
    assert MODEL in facts["models"]["ids"]
    assert facts["models"]["retrieved"]["id"] == MODEL


def test_openai_errors_are_of_the_class_that_fits(facts: Facts) -> None:
    errors = facts["errors"]

    assert errors["key"]["class"] == "AuthenticationError"
    assert errors["model"]["class"] == errors["model_of_list"]["class"] == "NotFoundError"
    assert errors["model"]["message"] == errors["model_of_list"]["message"] == SENTENCE
    assert errors["field"]["class"] == "BadRequestError"
    assert errors["field"]["param"] == "temperature"
    assert all(error["request_id"] for error in errors.values())


@pytest.fixture(scope="module")
def fetched(real_hearth: RunningHearth, node_environment: Environment) -> Facts:
    return run_node(node_environment, "fetch.mjs", real_hearth.url, **keys_of(real_hearth))


def test_fetch_gets_a_chat_a_completion_and_a_stream_from_a_real_model(fetched: Facts) -> None:
    assert fetched["chat"]["choices"][0]["message"]["content"]
    assert fetched["chat"]["system_fingerprint"] == (
        "stand-in:accounts/fireworks/models/smollm2-135m-instruct"
    )
    assert fetched["completion"]["choices"][0]["text"]
    assert fetched["stream"]["type"].startswith("text/event-stream")
    assert fetched["stream"]["last"] == "data: [DONE]"
    assert fetched["stream"]["text"]
    assert fetched["stream"]["usage"]["completion_tokens"] > 0


def test_fetch_may_send_extra_body_as_a_key_of_its_own(fetched: Facts) -> None:
    assert len(fetched["extraBody"]["choices"]) == 2
    assert fetched["extraBody"]["usage"]["completion_tokens"] == 6
    assert fetched["refusedExtraBody"]["status"] == 400
    assert fetched["refusedExtraBody"]["param"] == "temperature"
    assert "temperature" in fetched["refusedExtraBody"]["message"]


def test_fetch_finds_models_by_raw_names(fetched: Facts) -> None:
    models = fetched["models"]

    assert MODEL in models["ids"]
    assert models["one"]["id"] == MODEL
    assert models["available"] is True
    assert models["missing"] == "Model no-such-model not found or not accessible"
    assert fetched["badKey"] == 401
