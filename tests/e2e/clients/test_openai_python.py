"""`openai` from PyPI, unmodified: only the base URL and the key are ours."""

from __future__ import annotations

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
SENTENCE = "Model not found, inaccessible, and/or not deployed"
BASES = ["/inference/v1", "/v1", ""]


@pytest.fixture(scope="module", params=BASES)
def facts(
    request: pytest.FixtureRequest, hearth: RunningHearth, openai_environment: Environment
) -> Facts:
    base_url = f"{hearth.url}{request.param}"
    return run_python(openai_environment, "openai_sync.py", base_url, **keys_of(hearth))


def test_it_chats(facts: Facts) -> None:
    answer = facts["chat"]

    usage = answer["usage"]
    assert answer["object"] == "chat.completion"
    assert answer["model"] == MODEL
    assert answer["text"]
    assert 0 < usage["completion_tokens"] <= 16
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_it_streams_the_same_text_in_pieces_with_usage_once(facts: Facts) -> None:
    streamed = facts["stream"]

    assert streamed["text"] == facts["chat"]["text"]
    assert streamed["num_pieces"] > 1
    assert streamed["roles"] == ["assistant"]
    assert streamed["finish_reason"] == facts["chat"]["choices"][0]["finish_reason"]
    assert streamed["usages"] == [facts["chat"]["usage"]]
    assert streamed["last_has_usage"]


def test_extra_body_and_headers_arrive(facts: Facts) -> None:
    extras = facts["extras"]

    assert extras["sampling"]["top_k"] == 3
    header, counted = extras["prompt_tokens"]
    assert int(header) == counted == extras["perf_metrics"]["prompt-tokens"]
    assert len(set(extras["request_ids"])) == 1


def test_it_completes_several_prompts_streamed_or_not(facts: Facts) -> None:
    completions = facts["completions"]

    assert completions["object"] == "text_completion"
    assert completions["indices"] == [0, 1, 2, 3]
    assert completions["streamed"] == completions["texts"]


def test_it_lists_models_and_retrieves_one_by_its_encoded_name(facts: Facts) -> None:
    models = facts["models"]

    assert MODEL in models["ids"]
    assert models["path"].endswith("/models/accounts%2Ffireworks%2Fmodels%2Fllama-v3p1-8b-instruct")
    assert models["retrieved"]["id"] == MODEL
    assert models["retrieved"]["owned_by"] == "fireworks"
    assert models["missing"]["message"] == SENTENCE


def test_its_errors_are_of_the_class_that_fits(facts: Facts) -> None:
    errors = facts["errors"]

    assert errors["key"]["status"] == errors["key_of_list"]["status"] == 401
    assert errors["model"]["message"] == SENTENCE
    assert errors["model"]["code"] == "NOT_FOUND"
    assert errors["field"]["param"] == "temperature"
    assert errors["field"]["type"] == "invalid_request_error"
    assert all(error["request_id"] for error in errors.values())
