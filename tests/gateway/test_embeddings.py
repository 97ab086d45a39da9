"""POST /embeddings: the fake engine for its form, the real model for its numbers."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from tests.engines.embedding.reference import TOLERANCE, reference
from tests.gateway.ledger import settled
from tests.gateway.under_way import raw_post, running_requests
from tests.running import RunningHearth

NOMIC = "nomic-ai/nomic-embed-text-v1.5"
MINILM = "accounts/fireworks/models/all-minilm-l6-v2"
ASK: dict[str, Any] = {"model": MINILM, "input": "a cat"}


def embed(api: httpx.Client, **fields: Any) -> httpx.Response:
    return api.post("/embeddings", json=ASK | fields)


def vectors_of(response: httpx.Response) -> list[list[float]]:
    assert response.status_code == 200, response.text
    return [each["embedding"] for each in response.json()["data"]]


def test_the_real_models_vectors_are_those_of_sentence_transformers(
    real_api: httpx.Client,
) -> None:
    texts, expected = reference()

    made = np.array(vectors_of(embed(real_api, input=texts)))

    assert np.abs(made - expected).max() < TOLERANCE


@pytest.fixture(scope="module")
def openai_client(vectors_hearth: RunningHearth) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{vectors_hearth.url}/inference/v1",
        api_key=vectors_hearth.credentials["api_key"],
        max_retries=0,
    ) as client:
        yield client


def test_the_openai_client_gets_the_same_as_base64_and_as_numbers(
    openai_client: openai.OpenAI,
) -> None:
    texts, expected = reference()

    default = openai_client.embeddings.create(model=NOMIC, input=texts)
    floats = openai_client.embeddings.create(model=NOMIC, input=texts, encoding_format="float")

    assert default.model == NOMIC
    assert default.usage.prompt_tokens == default.usage.total_tokens > 0
    for answer in (default, floats):
        made = np.array([each.embedding for each in answer.data])
        assert np.abs(made - expected).max() < TOLERANCE
        assert [each.index for each in answer.data] == list(range(len(texts)))


def test_base64_is_little_endian_float32(api: httpx.Client) -> None:
    (text,) = vectors_of(embed(api, encoding_format="base64"))
    (numbers,) = vectors_of(embed(api))

    assert isinstance(text, str)
    assert np.frombuffer(b64decode(text), "<f4").tolist() == numbers


def test_an_answer_has_the_form_that_clients_know(api: httpx.Client) -> None:
    answer = embed(api, input=["a cat", "a dog"], perf_metrics_in_response=True).json()

    assert answer["object"] == "list"
    assert [each["object"] for each in answer["data"]] == ["embedding", "embedding"]
    assert answer["model"] == MINILM
    assert answer["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    assert answer["perf_metrics"]["prompt-tokens"] == 4


def test_a_stand_in_is_named(vectors_hearth: RunningHearth, real_api: httpx.Client) -> None:
    own = embed(real_api)
    other = embed(real_api, model=NOMIC)

    assert vectors_of(own) == vectors_of(other)
    assert "system_fingerprint" not in own.json()
    assert other.json()["system_fingerprint"] == f"stand-in:{MINILM}"
    assert other.headers["x-hearth-served-by"] == MINILM


def test_every_kind_of_input_is_taken(api: httpx.Client) -> None:
    one, two = vectors_of(embed(api, input=["a cat", "a dog"]))
    fields = {"prompt_template": "a {{ animal }}"}

    assert vectors_of(embed(api, input="a cat")) == [one]
    assert len(vectors_of(embed(api, input=[1, 2, 3]))) == 1
    assert len(vectors_of(embed(api, input=[[1, 2], [3]]))) == 2
    assert vectors_of(embed(api, input={"animal": "cat"}, **fields)) == [one]
    animals = [{"animal": "cat"}, {"animal": "dog"}]
    assert vectors_of(embed(api, input=animals, **fields)) == [one, two]


def test_dimensions_and_normalize_shape_a_vector(api: httpx.Client) -> None:
    (vector,) = vectors_of(embed(api, dimensions=16, normalize=True))

    assert len(vector) == 16
    assert np.linalg.norm(vector) == pytest.approx(1)


def test_2048_inputs_are_one_call_and_one_entry_of_the_ledger(
    hearth: RunningHearth, api: httpx.Client
) -> None:
    inputs = [f"number {i}" for i in range(2048)]

    response = embed(api, input=inputs)

    vectors = vectors_of(response)
    assert len(vectors) == 2048
    assert vectors[1234] == vectors_of(embed(api, input=inputs[1234]))[0]
    (row,) = settled(hearth, column="request_id", value=response.headers["x-request-id"])
    assert (row.route, row.outcome, row.http_status) == ("/embeddings", "stop", 200)
    assert (row.prompt_tokens, row.completion_tokens) == (4096, 0)


def test_an_input_that_is_cut_is_told(real_api: httpx.Client) -> None:
    long = "cat " * 400

    response = embed(real_api, input=["a cat", long])
    refused = embed(real_api, input=["a cat", long], context_length_exceeded_behavior="error")

    assert response.headers["x-hearth-truncated-inputs"] == "1"
    assert response.json()["usage"]["prompt_tokens"] == 4 + 256
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "input[1]"


def test_a_hang_up_is_settled_once_with_what_was_used(
    vectors_hearth: RunningHearth, real_api: httpx.Client
) -> None:
    texts, _ = reference()
    long = max(texts, key=len)
    embed(real_api)  # the worker has started

    with raw_post(vectors_hearth, "/embeddings", ASK | {"input": [long] * 512}):
        while running_requests(vectors_hearth) < 2:
            embed(real_api)
        embed(real_api)  # shares its batch with the large one

    (row,) = settled(vectors_hearth, column="outcome", value="cancelled")
    assert row.route == "/embeddings"
    assert 0 < row.prompt_tokens < 512 * 256


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"input": []}, "input"),
    ({"input": None}, "input"),
    ({"input": ["a", 1]}, "input[1]"),
    ({"input": [[1], "a"]}, "input[1]"),
    ({"input": [[1], []]}, "input[1]"),
    ({"input": [[1], [-1]]}, "input[1][0]"),
    ({"input": ["a"] * 2049}, "input"),
    ({"input": ["a", "b" * 1_000_001]}, "input[1]"),
    ({"input": {"a": "b"}}, "prompt_template"),
    ({"input": ["a"], "prompt_template": "{{ a }}"}, "prompt_template"),
    ({"input": [{"a": 1}, {"b": 1}], "prompt_template": "{{ a }}"}, "input[1]"),
    ({"dimensions": 0}, "dimensions"),
    ({"dimensions": 65}, "dimensions"),
    ({"encoding_format": "int8"}, "encoding_format"),
    ({"return_logits": [1, 2]}, "return_logits"),
    ({"fanout_size": 2}, "fanout_size"),
    ({"model": "accounts/fireworks/models/llama-v3p1-8b-instruct"}, "model"),
]


@pytest.mark.parametrize(("fields", "param"), REFUSED, ids=lambda x: str(x)[:40])
def test_what_cannot_be_used_is_a_400_that_names_it(
    api: httpx.Client, fields: dict[str, Any], param: str
) -> None:
    response = embed(api, **fields)

    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == param


def test_a_chat_with_an_embedding_model_is_refused(api: httpx.Client) -> None:
    ask = {"model": MINILM, "messages": [{"role": "user", "content": "Hi"}]}

    response = api.post("/chat/completions", json=ask)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "model"


def test_unknown_fields_are_named(api: httpx.Client) -> None:
    response = api.post("/embeddings", content=json.dumps(ASK | {"task_type": "query"}))

    assert response.headers["x-ignored-fields"] == "task_type"
