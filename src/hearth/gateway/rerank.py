"""POST /rerank: documents in the order in which they fit a query.

The scores are the cosine similarities of the vectors of an embedding model, which the header
`x-hearth-scores` says.
"""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from typing import Any

from hearth.engines.protocol import EmbedRequest
from hearth.gateway.build import answer_head
from hearth.gateway.decode import BodyDecoder
from hearth.gateway.http import Exchange
from hearth.gateway.inference import Inference
from hearth.gateway.job import VectorJob
from hearth.gateway.routing import Router
from hearth.gateway.vector_answers import rerank_body
from hearth.gateway.vector_types import DEFAULT_RERANKER, RerankRequest, check_length


class Rerank:
    """Ranks documents."""

    def __init__(self, router: Router, inference: Inference, *, is_strict: bool) -> None:
        self._router = router
        self._inference = inference
        self._decoder = BodyDecoder(RerankRequest, is_strict=is_strict)

    def __call__(self, exchange: Exchange, body: bytes) -> Coroutine[Any, Any, None] | None:
        """Answer the exchange; see `Handler`.

        Raises:
            ApiError: nothing was answered.
        """
        request, ignored = self._decoder.decode(body)
        model = request.model or DEFAULT_RERANKER
        route = self._router.admit(exchange, model, request.user)
        job = VectorJob(
            route=route,
            parts=[rerank_request(request)],
            body=partial(rerank_body, request, answer_head(exchange, route, model)),
            perf_metrics=request.perf_metrics_in_response or False,
            affinity=exchange.header(b"x-session-affinity") or request.user,
            headers=[*route.headers, (b"x-hearth-scores", b"cosine")],
            ignored=ignored,
        )
        return self._inference.run(exchange, job)


def rerank_request(request: RerankRequest) -> EmbedRequest:
    """What the worker is asked: one request, so that the query is read once."""
    check_length(request.query, "query")
    texts = [each if isinstance(each, str) else each.text for each in request.documents]
    for index, text in enumerate(texts):
        check_length(text, f"documents[{index}]")
    return EmbedRequest(texts=texts, query=request.query, param="documents")
