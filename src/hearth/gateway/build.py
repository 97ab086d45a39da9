"""From a decoded body to a job: what chat completions and completions have in common."""

from __future__ import annotations

import random
import time
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hearth.engines.protocol import GenerateRequest, Message, Sampling
from hearth.errors import InvalidRequest
from hearth.gateway.answers import Answer, AnswerHead
from hearth.gateway.decode import BodyDecoder
from hearth.gateway.error_shapes import Headers
from hearth.gateway.http import Exchange
from hearth.gateway.job import Job, Route
from hearth.gateway.routing import Router
from hearth.gateway.types import InferenceRequest

T = TypeVar("T", bound=InferenceRequest)

_encode = msgspec.json.Encoder().encode

_SEED_BITS = 31  # every engine takes seeds of this size
_HEADER_VALUE_LIMIT = 1024  # proxies refuse long headers


class Desk(Generic[T]):
    """Takes in the bodies of one route.

    Args:
        router: knows the models.
        kind: the body's type.
        is_strict: refuse unknown fields instead of naming them.
    """

    def __init__(self, router: Router, kind: type[T], *, is_strict: bool) -> None:
        self._router = router
        self._decoder = BodyDecoder(kind, is_strict=is_strict)

    def draft(self, exchange: Exchange, body: bytes) -> Draft[T]:
        """Decode a body and find its route.

        Raises:
            InvalidRequest: see `BodyDecoder.decode`.
            ModelNotFound: nothing serves the model.
        """
        request, ignored = self._decoder.decode(body)
        route = self._router.route(request.model, exchange.caller.account_id)
        return Draft(exchange=exchange, body=request, route=route, ignored=ignored)


class Draft(Struct, Generic[T], frozen=True, kw_only=True):
    """A decoded body, and where it goes."""

    exchange: Exchange
    body: T
    route: Route
    ignored: list[str]
    "Fields of the body that nothing reads."

    def head(self) -> AnswerHead:
        """What the answer repeats; a stand-in is named in the fingerprint."""
        route = self.route
        return AnswerHead(
            request_id=self.exchange.request_id,
            created=int(time.time()),
            model=self.body.model,
            fingerprint=f"stand-in:{route.served_by}" if route.is_stand_in else None,
        )

    def job(self, parts: list[GenerateRequest], answer: Answer) -> Job:
        """What is to be run."""
        body, options = self.body, self.body.stream_options
        affinity = self.exchange.header(b"x-session-affinity")
        return Job(
            route=self.route,
            parts=parts,
            answer=answer,
            stream=body.stream or False,
            with_usage=options is None or options.include_usage is not False,
            perf_metrics=body.perf_metrics_in_response or False,
            affinity=affinity or body.prompt_cache_key or body.user,
            headers=_answer_headers(parts[0], self.route, self.ignored),
        )


def generate_request(
    body: InferenceRequest,
    *,
    messages: list[Message] | None = None,
    prompt: str | list[int] | None = None,
    prompt_truncate_tokens: int | None = None,
) -> GenerateRequest:
    """What a worker is asked.

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
        messages=messages,
        prompt=prompt,
        prompt_truncate_tokens=prompt_truncate_tokens,
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


def _answer_headers(request: GenerateRequest, route: Route, ignored: list[str]) -> Headers:
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
    max_tokens = b"null" if request.max_tokens is None else b"%d" % request.max_tokens
    rest = b'"seed":%d,"max_tokens":%b}' % (request.seed, max_tokens)
    return given[:-1] + b"," + rest if len(given) > len(b"{}") else b"{" + rest
