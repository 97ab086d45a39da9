"""POST /embeddings."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from typing import Any

from msgspec.structs import replace

from hearth.engines.protocol import EmbedRequest
from hearth.errors import InvalidRequest
from hearth.gateway.build import answer_head
from hearth.gateway.decode import BodyDecoder
from hearth.gateway.http import Exchange
from hearth.gateway.inference import Inference
from hearth.gateway.job import VectorJob
from hearth.gateway.routing import Router
from hearth.gateway.vector_answers import embeddings_body
from hearth.gateway.vector_types import MAX_INPUTS, EmbeddingsRequest, check_length

PART_INPUTS = 128
"A call is split into worker requests of so many inputs, so that other calls get their turn."

_KINDS = "'input' must be a text, token ids or an object, or a list of one of these kinds."
_FIELDS: dict[type, str] = {str: "texts", list: "token_ids", dict: "fields"}
"Where `EmbedRequest` takes inputs of a kind."


class Embeddings:
    """Answers inputs with their vectors."""

    def __init__(self, router: Router, inference: Inference, *, is_strict: bool) -> None:
        self._router = router
        self._inference = inference
        self._decoder = BodyDecoder(EmbeddingsRequest, is_strict=is_strict)

    def __call__(self, exchange: Exchange, body: bytes) -> Coroutine[Any, Any, None] | None:
        """Answer the exchange; see `Handler`.

        Raises:
            ApiError: nothing was answered.
        """
        request, ignored = self._decoder.decode(body)
        session = request.prompt_cache_key or request.user
        route = self._router.admit(exchange, request.model, session)
        affinity = exchange.header(b"x-session-affinity")
        job = VectorJob(
            route=route,
            parts=embed_requests(request),
            body=partial(embeddings_body, answer_head(exchange, route, request.model)),
            perf_metrics=request.perf_metrics_in_response or False,
            affinity=affinity or session,
            headers=route.headers,
            ignored=ignored,
        )
        return self._inference.run(exchange, job)


def embed_requests(request: EmbeddingsRequest) -> list[EmbedRequest]:
    """What workers are asked.

    Raises:
        InvalidRequest: an input that is of no use; it is named.
    """
    whole = EmbedRequest(
        template=request.prompt_template or "",
        dimensions=request.dimensions,
        normalize=request.normalize or False,
        form=request.encoding_format or "float",
        overflow=request.context_length_exceeded_behavior or "truncate",
    )
    given = request.input
    if not isinstance(given, list) or isinstance(given[0], int):
        return [_part(request, whole, [given], None)]
    if len(given) > MAX_INPUTS:
        raise InvalidRequest(f"At most {MAX_INPUTS} inputs in one call.", param="input")
    starts = range(0, len(given), PART_INPUTS)
    return [_part(request, whole, given[at : at + PART_INPUTS], at) for at in starts]


def _part(
    request: EmbeddingsRequest,
    whole: EmbedRequest,
    inputs: list[Any],  # Any: texts, lists of token ids or objects; told apart here
    first: int | None,
) -> EmbedRequest:
    given = request.input
    example = given[0] if first is not None and isinstance(given, list) else inputs[0]
    kind = type(example)
    if (kind is dict) != (request.prompt_template is not None):
        raise InvalidRequest(
            "'prompt_template' renders inputs that are objects; give both or neither.",
            param="prompt_template",
        )
    for index, each in enumerate(inputs):
        where = "input" if first is None else f"input[{first + index}]"
        if type(each) is not kind:
            raise InvalidRequest(f"{_KINDS} '{where}' is of another kind.", param=where)
        check_length(each, where)
    part = replace(whole, first=first)
    return replace(part, **{_FIELDS[kind]: inputs})
