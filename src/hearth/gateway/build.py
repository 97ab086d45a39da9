"""From a decoded body to a job: what chat completions and completions have in common."""

from __future__ import annotations

import random
import time
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hearth.engines.protocol import Capabilities, GenerateRequest, Sampling
from hearth.errors import InvalidRequest
from hearth.gateway.answers import Answer, AnswerHead, Shown
from hearth.gateway.constraints import read_constraint
from hearth.gateway.decode import BodyDecoder
from hearth.gateway.error_shapes import Headers
from hearth.gateway.history import read_text
from hearth.gateway.http import Exchange
from hearth.gateway.job import Job, Route
from hearth.gateway.routing import Router
from hearth.gateway.text_answer import PLAIN
from hearth.gateway.types import InferenceRequest, Prediction

T = TypeVar("T", bound=InferenceRequest)

_encode = msgspec.json.Encoder().encode

_SEED_BITS = 31  # every engine takes seeds of this size
_WHOLE_PROMPT = -1
_PRIORITIES = {"priority": 1, "flex": -1}
KEEP_S = 3600.0  # an answer that may be repeated, unless the request says how long


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
        session = request.prompt_cache_key or request.user
        route = self._router.admit(exchange, request.model, session)
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
        return answer_head(self.exchange, self.route, self.body.model)

    def group(self) -> str:
        """With whom the prompt shares cached prefixes; see `cache_group`."""
        key = self.body.prompt_cache_isolation_key
        if key is None:
            key = self.exchange.header(b"x-prompt-cache-isolation-key")
        return cache_group(self.exchange.caller.account_id, key)

    def job(
        self, parts: list[GenerateRequest], answer: Answer, names: dict[str, str] | None = None
    ) -> Job:
        """What is to be run.

        Args:
            names: see `Job.field_names`.
        """
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
            headers=answer_headers(parts[0], self.route),
            keep_s=self._keep_s(),
            field_names=names or {},
            ignored=self.ignored + unused_hints(body),
        )

    def _keep_s(self) -> float | None:
        """How long the answer may be repeated, as the request says, else as its key does."""
        keep_s = self.exchange.caller.keep_s
        if keep_s is None or self.body.response_cache is not None:
            return _keep_s(self.body)
        return keep_s if _is_determined(self.body) else None


def answer_head(exchange: Exchange, route: Route, model: str) -> AnswerHead:
    """What an answer repeats.

    Args:
        model: the name as the caller gave it.
    """
    return AnswerHead(
        request_id=exchange.request_id,
        created=int(time.time()),
        model=model,
        fingerprint=f"stand-in:{route.served_by}" if route.is_stand_in else None,
    )


def cache_group(account_id: str, isolation_key: str | None) -> str:
    """Who shares cached prefixes: an account, divided by isolation keys; never two accounts."""
    return account_id if not isolation_key else f"{account_id}/{isolation_key}"


def shown_by(body: InferenceRequest, *, choices_per_prompt: int = 1) -> Shown:
    """What the answer shows besides text."""
    if body.logprobs is None and not (body.return_token_ids or body.raw_output):
        return PLAIN  # nearly always
    return Shown(
        logprobs=_shape_of(body.logprobs),
        token_ids=body.return_token_ids or False,
        raw_output=body.raw_output or False,
        choices_per_prompt=choices_per_prompt,
    )


def _shape_of(logprobs: bool | int | None) -> Literal["", "content", "lists"]:
    if logprobs is None or logprobs is False:
        return ""
    return "content" if logprobs is True else "lists"


def generate_request(body: InferenceRequest, group: str) -> GenerateRequest:
    """What a worker is asked by the fields that all routes share.

    Args:
        group: see `cache_group`.

    Raises:
        InvalidRequest: fields that exclude each other, or a value that is none.
    """
    if body.max_tokens is not None and body.max_completion_tokens is not None:
        raise InvalidRequest(
            "Give either 'max_tokens' or 'max_completion_tokens', not both.", param="max_tokens"
        )
    stop, raw = body.stop or [], body.raw_output or False
    return GenerateRequest(
        sampling=_sampling(body),
        seed=random.getrandbits(_SEED_BITS) if body.seed is None else body.seed,
        n=body.n or 1,
        max_tokens=body.max_tokens if body.max_tokens is not None else body.max_completion_tokens,
        stop=[stop] if isinstance(stop, str) else stop,
        stop_token_ids=body.stop_token_ids or [],
        ignore_eos=body.ignore_eos or False,
        context_overflow=body.context_length_exceeded_behavior or "truncate",
        constraint=read_constraint(body.response_format),
        logprobs=_logprobs(body),
        echo_tokens=_WHOLE_PROMPT if body.echo else body.echo_last or None,
        return_token_ids=body.return_token_ids or raw,
        return_prompt=raw,
        prediction=_prediction(body),
        cache_group=group,
        use_cache=body.prompt_cache_max_len != 0,
        priority=_PRIORITIES.get(body.service_tier or "", 0),
    )


def _logprobs(body: InferenceRequest) -> int | None:
    """How many alternatives stand beside each token; None without log-probabilities."""
    asked, top = body.logprobs, body.top_logprobs
    if asked is None or asked is False:
        if top:
            raise InvalidRequest("'top_logprobs' needs 'logprobs'.", param="top_logprobs")
        return None
    return top or 0 if asked is True else max(asked, top or 0)


def _prediction(body: InferenceRequest) -> str | None:
    given = body.speculation if body.prediction is None else body.prediction
    if isinstance(given, Prediction):
        text = given.content
        return text if isinstance(text, str) else read_text("prediction.content", text)
    return given if isinstance(given, str) else None


def _keep_s(body: InferenceRequest) -> float | None:
    """How long the answer may be repeated: it must be asked for, and be determined."""
    if not body.response_cache or not _is_determined(body):
        return None
    return KEEP_S if body.response_cache is True else float(body.response_cache)


def _is_determined(body: InferenceRequest) -> bool:
    """Whether an equal request would be answered equally."""
    return body.temperature == 0 or body.seed is not None


def unused_hints(body: InferenceRequest) -> list[str]:
    """Hints that no engine uses; an answer is right without them."""
    unused = []
    if isinstance(body.speculation, list):
        unused.append("speculation")
    if body.rewrite_speculation:
        unused.append("rewrite_speculation")
    if body.prompt_cache_max_len:
        unused.append("prompt_cache_max_len")
    if body.response_cache and _keep_s(body) is None:
        unused.append("response_cache")
    return unused


def passed_over(request: GenerateRequest, capabilities: Capabilities) -> list[str]:
    """Hints that other engines use than the one that answers."""
    unused = []
    if request.prediction is not None and not capabilities.prediction:
        unused.append("prediction")
    if request.priority and not capabilities.priority:
        unused.append("service_tier")
    return unused


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


def answer_headers(request: GenerateRequest, route: Route) -> Headers:
    """The headers that say how a request was really treated."""
    return [
        (b"fireworks-sampling-options", _options(request)),
        *route.headers,
    ]


def _options(request: GenerateRequest) -> bytes:
    """The sampling parameters that were asked for, with the seed that was drawn, as JSON."""
    sampling = request.sampling
    if sampling.logit_bias is not None:  # too long for a header
        sampling = replace(sampling, logit_bias=None)
    given = _encode(sampling)
    max_tokens = b"null" if request.max_tokens is None else b"%d" % request.max_tokens
    rest = b'"seed":%d,"max_tokens":%b}' % (request.seed, max_tokens)
    return given[:-1] + b"," + rest if len(given) > len(b"{}") else b"{" + rest
