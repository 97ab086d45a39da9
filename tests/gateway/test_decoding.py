"""The decoder of bodies, tried with values nobody thought of."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearth.errors import InvalidRequest
from hearth.gateway.decode import REFUSED, BodyDecoder
from hearth.gateway.openapi import BODIES
from hearth.gateway.types import ChatRequest, CompletionRequest
from tests.gateway.test_chat import ASK

Json = dict[str, Any]  # Any: JSON

DECODERS = {path: BodyDecoder(kind, is_strict=False) for path, kind in BODIES.items()}
CHAT = BodyDecoder(ChatRequest, is_strict=False)
KNOWN = {name for kind in BODIES.values() for name in kind.__struct_fields__}

every_route = pytest.mark.parametrize("path", DECODERS)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["system", "user", "text", "function", "auto", "json_schema", "$ref", "-1"])
)
names = st.sampled_from(sorted(KNOWN | REFUSED.keys() | {"extra_body", "type"})) | st.text()


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Arrays and objects of leaves."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
        max_leaves=12,
    )


values = trees(scalars)
not_json = trees(scalars | st.sampled_from([math.nan, math.inf, -math.inf, "\ud800"]))
strangers = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name not in KNOWN | REFUSED.keys() | {"extra_body"}),
    values,
    min_size=1,
    max_size=3,
)
bodies: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "model": st.text(min_size=1, max_size=20),
        "messages": st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["system", "user", "assistant"]), "content": st.text()}
            ),
            min_size=1,
            max_size=3,
        ),
    },
    optional={
        "temperature": st.floats(0, 2),
        "n": st.integers(1, 128),
        "stop": st.text(min_size=1, max_size=9) | st.lists(st.just("x"), max_size=4),
        "seed": st.integers(-(2**63), 2**63 - 1),
        "stream": st.booleans(),
        "logit_bias": st.dictionaries(st.integers(0, 99).map(str), st.floats(-100, 100)),
        "metadata": st.dictionaries(st.text(), st.text(), max_size=3),
    },
)


def encoded(value: object) -> bytes:
    """JSON as a careless client writes it, NaN and lone surrogates not refused."""
    return json.dumps(value).encode()


def outcome(decoder: BodyDecoder[Any], body: bytes) -> tuple[Any, list[str]] | InvalidRequest:
    """What comes of a body; any other exception is a fault."""
    try:
        decoded: tuple[Any, list[str]] = decoder.decode(body)  # Any: a request of some route
    except InvalidRequest as refused:
        return refused
    return decoded


def decodes_or_refuses(path: str, body: bytes) -> None:
    came = outcome(DECODERS[path], body)

    if isinstance(came, InvalidRequest):
        assert came.message
    else:
        request, ignored = came
        assert isinstance(request, BODIES[path])
        assert ignored == sorted(ignored)


@every_route
@given(body=st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(path: str, body: bytes) -> None:
    decodes_or_refuses(path, body)


@every_route
@given(value=values | not_json)
def test_any_json_value_decodes_or_is_refused(path: str, value: object) -> None:
    decodes_or_refuses(path, encoded(value))


@every_route
@settings(max_examples=300)
@given(changes=st.dictionaries(names, not_json, min_size=1, max_size=3))
def test_a_good_body_with_any_fields_changed_decodes_or_is_refused(
    path: str, changes: Json
) -> None:
    decodes_or_refuses(path, encoded(ASK | {"prompt": "x", "input": "x"} | changes))


@every_route
@given(data=st.data(), cut=st.integers(0), byte=st.integers(0, 255))
def test_a_good_body_with_a_byte_changed_or_cut_decodes_or_is_refused(
    path: str, data: st.DataObject, cut: int, byte: int
) -> None:
    good = encoded(data.draw(bodies) | {"prompt": "x"})
    at = cut % len(good)

    decodes_or_refuses(path, good[:at])
    decodes_or_refuses(path, good[:at] + bytes([byte]) + good[at + 1 :])


@every_route
def test_a_deep_body_is_refused(path: str) -> None:
    for opening in (b"[", b'{"a":', b'{"model":"m","metadata":[', b'{"extra_body":'):
        decodes_or_refuses(path, opening * 100_000)


@given(body=bodies)
def test_what_is_decoded_says_what_was_sent(body: Json) -> None:
    request, ignored = CHAT.decode(encoded(body))

    again = msgspec.to_builtins(request)
    assert {name: again[name] for name in body if name != "messages"} == {
        name: value for name, value in body.items() if name != "messages"
    }
    sent = [(message["role"], message["content"]) for message in body["messages"]]
    assert [(message.role, message.content) for message in request.messages] == sent
    assert CHAT.decode(msgspec.json.encode(request)) == (request, [])
    assert ignored == []


@given(body=bodies, unknown=strangers)
def test_unknown_fields_are_named_and_change_nothing(body: Json, unknown: Json) -> None:
    request, ignored = CHAT.decode(encoded(body | unknown))

    assert ignored == sorted(unknown)
    assert request == CHAT.decode(encoded(body))[0]


@given(body=bodies, unknown=strangers)
def test_strict_mode_refuses_the_unknown_by_name(body: Json, unknown: Json) -> None:
    strict = BodyDecoder(ChatRequest, is_strict=True)

    with pytest.raises(InvalidRequest) as refused:
        strict.decode(encoded(body | unknown))

    assert refused.value.param in unknown


@given(body=bodies, extra=bodies)
def test_extra_body_is_merged_and_the_top_level_wins(body: Json, extra: Json) -> None:
    nested, _ = CHAT.decode(encoded(body | {"extra_body": extra}))

    assert nested == CHAT.decode(encoded(extra | body))[0]


@given(body=bodies, name=st.sampled_from(sorted(REFUSED)), value=values)
def test_what_a_route_lacks_is_refused_by_name_unless_it_asks_for_nothing(
    body: Json, name: str, value: object
) -> None:
    completions = BodyDecoder(CompletionRequest, is_strict=False)
    came = outcome(completions, encoded({"model": body["model"], "prompt": "x", name: value}))

    if isinstance(came, InvalidRequest):
        assert came.param == name
    else:
        assert json.dumps(value, separators=(",", ":")).encode() in REFUSED[name]
