"""The request as the server wants it."""

from __future__ import annotations

from typing import Any

import msgspec

from hearth.engines.protocol import GenerateRequest, Sampling
from hearth.engines.remote.features import feature_fields, message_entries
from hearth.engines.remote.kinds import Kind
from hearth.engines.remote.options import RemoteOptions

CHAT, COMPLETIONS = "/chat/completions", "/completions"

_SAMPLING = Sampling()


def route_of(request: GenerateRequest) -> str:
    """The route of the API that takes the request."""
    return COMPLETIONS if request.messages is None else CHAT


def encode_body(
    request: GenerateRequest, kind: Kind, options: RemoteOptions, *, max_tokens: int | None
) -> bytes:
    """The body of a request that was checked against the kind's capabilities."""
    body: dict[str, Any] = {  # Any: a JSON object
        "model": options.model,
        "stream": True,
        "stream_options": _stream_options(kind),
        "seed": request.seed,
    }
    if request.messages is None:
        body["prompt"] = request.prompt
    else:
        body["messages"] = message_entries(request.messages)
    if request.n != 1:
        body["n"] = request.n
    if request.stop:
        body["stop"] = request.stop
    if request.ignore_eos:
        body["ignore_eos"] = True
    if max_tokens is not None:
        body[_max_tokens_field(request, options)] = max_tokens
    elif kind is Kind.SGLANG and request.messages is None:
        body["max_tokens"] = None  # left out, it would mean 16
    if kind is Kind.HEARTH:
        body["context_length_exceeded_behavior"] = request.context_overflow
        body["prompt_truncate_len"] = request.prompt_truncate_tokens
    body |= feature_fields(request, kind)
    return msgspec.json.encode(body | _sampling(request.sampling, kind))


def _stream_options(kind: Kind) -> dict[str, bool]:
    options = {"include_usage": True}
    if kind is not Kind.OPENAI:
        options["continuous_usage_stats"] = True
    return options


def _max_tokens_field(request: GenerateRequest, options: RemoteOptions) -> str:
    """OpenAI's newer models know only the new name, other servers often only the old."""
    is_new = options.host == "api.openai.com" and request.messages is not None
    return "max_completion_tokens" if is_new else "max_tokens"


def _sampling(sampling: Sampling, kind: Kind) -> dict[str, Any]:  # Any: JSON values
    given = {
        name: value
        for name, value in msgspec.structs.asdict(sampling).items()
        if value != getattr(_SAMPLING, name)
    }
    if kind is Kind.SGLANG and given.get("top_k") == 0:
        given["top_k"] = -1  # its word for "off"
    return given
