"""From a decoded body to a job: what chat completions and completions have in common."""

from __future__ import annotations

import random
import time

import msgspec
from msgspec.structs import replace

from hearth.engines.protocol import GenerateRequest, Sampling
from hearth.errors import InvalidRequest
from hearth.gateway.answers import AnswerHead
from hearth.gateway.error_shapes import Headers
from hearth.gateway.http import Exchange
from hearth.gateway.job import Route
from hearth.gateway.types import InferenceRequest

_encode = msgspec.json.Encoder().encode

_SEED_BITS = 31  # every engine takes seeds of this size
_HEADER_VALUE_LIMIT = 1024  # proxies refuse long headers


def base_request(body: InferenceRequest) -> GenerateRequest:
    """Everything of a worker request but its prompt.

    Raises:
        InvalidRequest: fields that exclude each other, or token ids that are none.
    """
    if body.max_tokens is not None and body.max_completion_tokens is not None:
        raise InvalidRequest(
            "Give either 'max_tokens' or 'max_completion_tokens', not both.", param="max_tokens"
        )
    if body.response_format is not None and body.response_format.type != "text":
        raise InvalidRequest(
            f"'response_format' {body.response_format.type!r} is not supported yet; leave it out.",
            param="response_format",
        )
    stop = body.stop or []
    return GenerateRequest(
        sampling=_sampling(body),
        seed=random.getrandbits(_SEED_BITS) if body.seed is None else body.seed,
        n=body.n or 1,
        max_tokens=body.max_tokens if body.max_tokens is not None else body.max_completion_tokens,
        stop=[stop] if isinstance(stop, str) else stop,
        ignore_eos=body.ignore_eos or False,
        context_overflow=body.context_length_exceeded_behavior or "truncate",
    )


def _sampling(body: InferenceRequest) -> Sampling:
    return Sampling(
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=body.top_k,
        min_p=body.min_p,
        typical_p=body.typical_p,
        frequency_penalty=body.frequency_penalty or 0.0,
        presence_penalty=body.presence_penalty or 0.0,
        repetition_penalty=1.0 if body.repetition_penalty is None else body.repetition_penalty,
        mirostat_target=body.mirostat_target,
        mirostat_lr=body.mirostat_lr,
        logit_bias=_logit_bias(body.logit_bias),
    )


def _logit_bias(biases: dict[str, float] | None) -> dict[int, float] | None:
    if not biases:
        return None
    for token in biases:
        if not (token.isascii() and token.isdigit() and len(token) < 10):
            raise InvalidRequest(f"{token[:40]!r} is not a token id.", param="logit_bias")
    return {int(token): bias for token, bias in biases.items()}


def answer_head(exchange: Exchange, body: InferenceRequest, route: Route) -> AnswerHead:
    """What the answer repeats; a stand-in is named in the fingerprint."""
    fingerprint = f"stand-in:{route.served_by}" if route.is_stand_in else None
    return AnswerHead(
        request_id=exchange.request_id,
        created=int(time.time()),
        model=body.model,
        fingerprint=fingerprint,
    )


def answer_headers(request: GenerateRequest, route: Route, ignored: list[str]) -> Headers:
    """The headers that say how a request was really treated."""
    headers: Headers = [
        (b"fireworks-sampling-options", _options(request)),
        (b"x-hearth-served-by", route.served_by.encode()),
    ]
    if ignored:
        names = ",".join(ignored).encode("ascii", "replace")[:_HEADER_VALUE_LIMIT]
        headers.append((b"x-ignored-fields", bytes(c for c in names if 32 <= c < 127)))
    return headers


def _options(request: GenerateRequest) -> bytes:
    """The sampling parameters that were asked for, with the seed that was drawn, as JSON."""
    sampling = request.sampling
    if sampling.logit_bias is not None:  # too long for a header
        sampling = replace(sampling, logit_bias=None)
    given = _encode(sampling)
    rest = b'"seed":%d,"max_tokens":%s}' % (request.seed, _encode(request.max_tokens))
    return given[:-1] + b"," + rest if len(given) > len(b"{}") else b"{" + rest
