"""POST /rerank."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

ASK: dict[str, Any] = {
    "model": "accounts/fireworks/models/qwen3-reranker-8b",
    "query": "What is the capital of France?",
    "documents": ["Cats purr.", "Paris is the capital of France.", "Stocks fell."],
}


def rerank(api: httpx.Client, **fields: Any) -> httpx.Response:
    return api.post("/rerank", json=ASK | fields)


def test_the_fitting_document_comes_first(real_api: httpx.Client) -> None:
    answer = rerank(real_api).json()

    scores = [each["relevance_score"] for each in answer["data"]]
    assert answer["data"][0]["index"] == 1
    assert answer["data"][0]["document"] == ASK["documents"][1]
    assert scores == sorted(scores, reverse=True)
    assert 0.5 < scores[0] <= 1


def test_both_lists_hold_the_ranking(api: httpx.Client) -> None:
    answer = rerank(api).json()

    assert answer["object"] == "list"
    assert answer["model"] == ASK["model"]
    assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > 0
    assert [each["index"] for each in answer["results"]] == [
        each["index"] for each in answer["data"]
    ]
    assert answer["results"][0]["text"] == ASK["documents"][answer["results"][0]["index"]]


def test_top_n_and_return_documents_are_honoured(api: httpx.Client) -> None:
    answer = rerank(api, top_n=2, return_documents=False).json()

    assert [sorted(each) for each in answer["data"]] == [["index", "relevance_score"]] * 2
    assert answer["results"] == answer["data"]


def test_documents_may_be_objects_and_the_model_left_out(api: httpx.Client) -> None:
    documents = [{"text": text} for text in ASK["documents"]]

    answer = rerank(api, documents=documents, model=None).json()

    assert answer["data"][0]["document"] in documents
    assert answer["data"][0]["relevance_score"] == rerank(api).json()["data"][0]["relevance_score"]


def test_the_answer_says_what_its_scores_are(api: httpx.Client) -> None:
    assert rerank(api).headers["x-hearth-scores"] == "cosine"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"documents": []}, "documents"),
        ({"documents": ["a"] * 2049}, "documents"),
        ({"documents": ["a", 1]}, "documents[1]"),
        ({"documents": ["a", "b" * 1_000_001]}, "documents[1]"),
        ({"query": None}, "query"),
        ({"top_n": 0}, "top_n"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_what_cannot_be_used_is_a_400_that_names_it(
    api: httpx.Client, fields: dict[str, Any], param: str
) -> None:
    response = rerank(api, **fields)

    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == param
