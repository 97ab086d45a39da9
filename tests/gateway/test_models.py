"""GET /models: complete, and true about what can be called."""

from __future__ import annotations

import httpx

from tests.gateway.test_chat import ASK, MODEL


def test_every_model_that_is_listed_as_callable_answers(api: httpx.Client) -> None:
    listed = api.get("/models").json()

    assert listed["object"] == "list"
    callable_models = [model for model in listed["data"] if model["callable"]]
    assert MODEL in [model["id"] for model in callable_models]
    for model in callable_models:
        name = {"model": model["id"]}
        if model["served_by"] == "fake-embedding":
            answer = api.post("/embeddings", json=name | {"input": "a cat"})
        else:
            answer = api.post("/chat/completions", json=ASK | name | {"max_tokens": 1})
        assert answer.status_code == 200, model["id"]


def test_every_model_that_is_not_callable_says_why_and_is_404(api: httpx.Client) -> None:
    others = [m for m in api.get("/models").json()["data"] if not m["callable"]]

    assert others
    for model in others:
        assert model["details"]
        answer = api.post("/chat/completions", json=ASK | {"model": model["id"]})
        assert answer.status_code == 404, model["id"]


def test_one_model_is_found_by_every_form_of_its_name(api: httpx.Client) -> None:
    names = [MODEL, MODEL.replace("/", "%2F"), "llama-v3p1-8b-instruct",
             "fireworks/llama-v3p1-8b-instruct"]  # fmt: skip

    found = [api.get(f"/models/{name}") for name in names]

    assert [each.status_code for each in found] == [200] * len(names)
    assert {each.json()["id"] for each in found} == {MODEL}
    assert {"created", "owned_by", "kind", "context_length"} <= found[0].json().keys()


def test_a_model_that_is_not_there_is_404_with_the_sentence(api: httpx.Client) -> None:
    response = api.get("/models/no-such-model")

    assert response.status_code == 404
    assert (
        response.json()["error"]["message"] == "Model not found, inaccessible, and/or not deployed"
    )


def test_an_unknown_context_length_is_left_out_as_old_clients_need(api: httpx.Client) -> None:
    listed = api.get("/models").json()["data"]

    lengths = [model["context_length"] for model in listed if "context_length" in model]
    assert 0 < len(lengths) < len(listed)
    assert all(isinstance(length, int) for length in lengths)
