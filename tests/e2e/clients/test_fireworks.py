"""`fireworks-ai` 1.2, unmodified; given a base URL it asks for other paths than without one."""

from __future__ import annotations

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
SENTENCE = "Model not found, inaccessible, and/or not deployed"
BASES = ["", "/inference", "/inference/v1"]


@pytest.fixture(scope="module", params=BASES)
def facts(
    request: pytest.FixtureRequest, hearth: RunningHearth, fireworks_environment: Environment
) -> Facts:
    base_url = f"{hearth.url}{request.param}"
    return run_python(fireworks_environment, "fireworks_sync.py", base_url, **keys_of(hearth))


def test_it_chats(facts: Facts) -> None:
    answer = facts["chat"]

    usage = answer["usage"]
    assert answer["object"] == "chat.completion"
    assert answer["model"] == MODEL
    assert answer["text"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_it_streams_the_same_text_with_usage_in_the_last_piece(facts: Facts) -> None:
    streamed = facts["stream"]

    assert streamed["text"] == facts["chat"]["text"]
    assert streamed["num_pieces"] > 1
    assert streamed["objects"] == ["chat.completion.chunk"]
    assert streamed["finish_reason"] == facts["chat"]["choices"][0]["finish_reason"]
    assert streamed["usages"].pop() == facts["chat"]["usage"]
    assert set(streamed["usages"]) == {None}


def test_it_completes_and_streams_a_completion(facts: Facts) -> None:
    completions = facts["completions"]

    assert completions["text"]
    assert completions["streamed"] == completions["text"]
    assert completions["usages"].pop()["completion_tokens"] > 0
    assert set(completions["usages"]) == {None}


def test_figures_come_in_the_body_and_as_headers(facts: Facts) -> None:
    figures = facts["figures"]

    num_tokens = figures["usage"]["prompt_tokens"]
    assert int(figures["header"]) == figures["perf_metrics"]["prompt-tokens"] == num_tokens


def test_it_lists_models_page_by_page_and_gets_one(facts: Facts) -> None:
    models = facts["models"]

    assert MODEL in models["names"]
    assert len(models["names"]) == len(set(models["names"])) > 2
    assert models["found"]["name"] == MODEL
    assert models["found"]["state"] == "READY"
    assert models["own"] == []
    assert models["missing"]["status"] == 404


def test_its_errors_are_of_the_class_that_fits(facts: Facts) -> None:
    errors = facts["errors"]

    assert errors["key"]["status"] == errors["key_of_accounts"]["status"] == 401
    assert errors["model"]["body"]["error"]["message"] == SENTENCE
    assert errors["field"]["body"]["error"]["param"] == "temperature"
    assert errors["account"]["body"]["code"] == 5
    assert all(error["request_id"] for error in errors.values())


def test_it_knows_its_account_and_no_other(facts: Facts) -> None:
    accounts = facts["accounts"]

    assert accounts["got"]["name"] == "accounts/dev"
    assert accounts["got"]["state"] == "READY"
    assert accounts["listed"] == ["accounts/dev"]


def test_it_manages_users(facts: Facts) -> None:
    users = facts["users"]

    assert users["made"]["role"] == "user"
    assert users["made"]["name"].startswith("accounts/dev/users/")
    assert users["got"] == users["changed"]
    assert users["changed"]["role"] == "contributor"
    assert users["changed"]["displayName"] == "Ann B."
    assert users["changed"]["email"] == "ann@example.com"
    assert {"accounts/dev/users/dev", users["made"]["name"]} <= set(users["listed"])


def test_a_key_it_makes_works_until_it_is_deleted(facts: Facts) -> None:
    users = facts["users"]

    assert users["key"]["key"].startswith(users["key"]["prefix"])
    assert [key["keyId"] for key in users["keys"]] == [users["key"]["key_id"]]
    assert "key" not in users["keys"][0]
    assert users["answer"] == facts["chat"]["text"]
    assert users["ended"]["status"] == 401


def test_every_sampling_parameter_reaches_the_real_engine(
    real_hearth: RunningHearth, fireworks_environment: Environment
) -> None:
    facts = run_python(
        fireworks_environment, "fireworks_parameters.py", real_hearth.url, **keys_of(real_hearth)
    )

    assert len(facts["texts"]) == 2
    assert not any("\n" in text for text in facts["texts"])
    assert facts["prompt_tokens"] <= 64
    assert facts["sampling"]["min_p"] == 0.1
    assert facts["sampling"]["typical_p"] == 0.9
    assert facts["sampling"]["seed"] == 1
    assert facts["ignored"] is None
    assert facts["served_by"].endswith("/smollm2-135m-instruct")
