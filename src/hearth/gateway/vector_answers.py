"""The bodies that answer embeddings and rerank calls.

Vectors come from the worker as JSON already; they are spliced in.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hearth.engines.protocol import Usage, Vectors
from hearth.gateway.answers import AnswerHead
from hearth.gateway.vector_types import RerankRequest

_encode = msgspec.json.Encoder().encode
Metrics = dict[str, float] | None


def embeddings_body(
    head: AnswerHead, parts: list[Vectors], usage: Usage, metrics: Metrics
) -> bytes:
    """The body of POST /embeddings."""
    vectors = [vector for part in parts for vector in part.encoded]
    items = [
        b'{"object":"embedding","index":%d,"embedding":%b}' % (index, vector)
        for index, vector in enumerate(vectors)
    ]
    closing = _encode(_closing(head, usage, metrics))[1:]
    return b'{"object":"list","data":[%b],%b' % (b",".join(items), closing)


def rerank_body(
    request: RerankRequest, head: AnswerHead, parts: list[Vectors], usage: Usage, metrics: Metrics
) -> bytes:
    """The body of POST /rerank: the ranking as `data`, and as `results` for the 0.x client."""
    scores = [score for part in parts for score in part.scores]
    order = sorted(range(len(scores)), key=lambda index: -scores[index])[: request.top_n]
    data: list[dict[str, Any]] = [  # Any: JSON objects
        {"index": index, "relevance_score": scores[index]} for index in order
    ]
    results = [dict(each) for each in data]
    if request.return_documents is not False:
        for index, entry, result in zip(order, data, results, strict=True):
            document = request.documents[index]
            text = document if isinstance(document, str) else document.text
            entry["document"] = document
            result |= {"document": {"text": text}, "text": text}
    body = {"object": "list", "data": data, "results": results}
    return _encode(body | _closing(head, usage, metrics))


def _closing(head: AnswerHead, usage: Usage, metrics: Metrics) -> dict[str, Any]:  # Any: JSON
    closing: dict[str, Any] = {
        "model": head.model,
        "usage": {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.prompt_tokens},
    }
    if head.fingerprint is not None:
        closing["system_fingerprint"] = head.fingerprint
    return closing if metrics is None else closing | {"perf_metrics": metrics}
