"""The kinds of requests of a soak, and what must be true of each answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random

from msgspec import Struct

from benchmarks.native import prompts
from benchmarks.native.loads import random_prompt
from benchmarks.native.worker_client import Reply
from hearth.engines.protocol import Constraint, GenerateRequest, Message, Sampling

CREDIT = 1 << 30  # nothing is held back
_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
_SAMPLED = Sampling(temperature=0.7, top_p=0.9)


class Asked(Struct, frozen=True, kw_only=True):
    """A request and how its answer is judged."""

    request: GenerateRequest
    fault: Callable[[Reply], str]
    "What is wrong with the answer; empty where nothing is."
    cancel_after: int | None = None


def _request(draw: Random, **fields: object) -> GenerateRequest:
    defaults: dict[str, object] = {"seed": draw.randrange(1 << 30), "credit": CREDIT}
    return GenerateRequest(**(defaults | fields))  # type: ignore[arg-type]


def _has_tokens(count: int) -> Callable[[Reply], str]:
    return lambda reply: "" if reply.num_tokens == count else f"{reply.num_tokens} tokens"


def _ended(reply: Reply) -> str:
    return "" if reply.finish() in ("stop", "length") else f"finish {reply.finish()}"


def _chat(draw: Random) -> Asked:
    request = _request(
        draw, messages=draw.choice(prompts.chats()), max_tokens=64, sampling=_SAMPLED
    )
    return Asked(request=request, fault=_ended)


def _completion(draw: Random) -> Asked:
    request = _request(
        draw, prompt=draw.choice(prompts.beginnings()), max_tokens=48, ignore_eos=True
    )
    return Asked(request=request, fault=_has_tokens(48))


def _long(draw: Random) -> Asked:
    ids = random_prompt(draw, draw.randint(1000, 1900))
    return Asked(
        request=_request(draw, prompt=ids, max_tokens=16, ignore_eos=True), fault=_has_tokens(16)
    )


def _short(draw: Random) -> Asked:
    ids = random_prompt(draw, draw.randint(1, 4))
    request = _request(draw, prompt=ids, n=2, max_tokens=8, ignore_eos=True, sampling=_SAMPLED)
    return Asked(request=request, fault=_has_tokens(16))


def _told(draw: Random) -> Asked:
    """Log-probabilities of the answer."""
    ids = random_prompt(draw, 20)
    request = _request(draw, prompt=ids, max_tokens=24, ignore_eos=True, logprobs=5)
    return Asked(
        request=request,
        fault=lambda reply: "" if len(reply.logprobs) == 24 else f"{len(reply.logprobs)} logprobs",
    )


def _scored(draw: Random) -> Asked:
    ids = random_prompt(draw, draw.randint(50, 400))
    request = _request(draw, prompt=ids, max_tokens=0, echo_tokens=-1, logprobs=1)

    def fault(reply: Reply) -> str:
        return "" if len(reply.logprobs) == len(ids) else f"{len(reply.logprobs)} scores"

    return Asked(request=request, fault=fault)


def _constrained(draw: Random) -> Asked:
    # A fifth of the schemas is new, so that compiled ones come and go.
    schema = dict(_SCHEMA, title=str(draw.randrange(1 << 30)) if draw.random() < 0.2 else "person")
    request = _request(
        draw,
        messages=[Message("user", "Invent a person.")],
        max_tokens=96,
        constraint=Constraint("json_schema", json.dumps(schema)),
        sampling=_SAMPLED,
    )
    return Asked(request=request, fault=_json_fault)


def _json_fault(reply: Reply) -> str:
    if reply.finish() != "stop":  # cut by its length
        return _ended(reply)
    try:
        person = json.loads(reply.text())
    except ValueError:
        return f"no JSON: {reply.text()!r}"
    return "" if person.keys() >= {"name", "age"} else f"not of the schema: {person}"


def _cancelled(draw: Random) -> Asked:
    request = _request(draw, messages=draw.choice(prompts.chats()), max_tokens=400, ignore_eos=True)
    return Asked(
        request=request,
        cancel_after=draw.randint(1, 60),
        fault=lambda reply: "" if reply.finish() == "cancelled" else f"finish {reply.finish()}",
    )


def _adapted(draw: Random, loaded: Mapping[str, str]) -> Asked:
    """For one of the adapters that are loaded, by name and digest."""
    name = draw.choice(sorted(loaded))
    digest = loaded[name]
    request = _request(
        draw, prompt=random_prompt(draw, 30), max_tokens=24, ignore_eos=True, adapter=name
    )

    def fault(reply: Reply) -> str:
        is_right = reply.usage is not None and reply.usage.adapter_digest == digest
        return _has_tokens(24)(reply) if is_right else "another adapter answered"

    return Asked(request=request, fault=fault)


_KINDS = (_chat, _completion, _long, _short, _told, _scored, _constrained, _cancelled)
_ADAPTED_SHARE = 0.3


def drawn(draw: Random, loaded: Mapping[str, str]) -> Asked:
    """Draw a request."""
    if loaded and draw.random() < _ADAPTED_SHARE:
        return _adapted(draw, loaded)
    return draw.choice(_KINDS)(draw)
