from __future__ import annotations

import pytest
from msgspec import Struct

from hearth.errors import InvalidRequest
from hearth.kit.bodies import ShortText, check_mask, decode_body, mask_fields, read_mask


class Inner(Struct, rename="camel"):
    display_name: ShortText = ""


class Outer(Struct, rename="camel"):
    api_key: Inner
    name: str = "accounts/a"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"apiKey": {"displayName": 5}}', "apiKey.displayName"),
        (b'{"apiKey": {"displayName": "a\\u0000b"}}', "apiKey.displayName"),
        (b'{"apiKey": 1}', "apiKey"),
        (b"{}", None),
        (b"", None),
        (b"[]", None),
        (b"{", None),
        (b"\xff", None),
        (b'{"apiKey": {"displayName": "\xff"}}', None),
        (b'{"apiKey": {"displayName": "\\ud800"}}', None),
        (b"[" * 100_000, None),
    ],
)
def test_a_body_that_does_not_fit_names_the_field(body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_body(body, Outer)

    assert caught.value.param == (param or caught.value.param)


def test_unknown_fields_are_let_pass() -> None:
    assert decode_body(b'{"apiKey": {}, "new": 1}', Outer) == Outer(api_key=Inner())


def test_a_read_mask_keeps_the_name_and_what_it_asks_for() -> None:
    whole = {"apiKey": {"displayName": ""}, "name": "accounts/a"}

    assert read_mask(Outer(api_key=Inner()), "") == whole
    assert read_mask(Outer(api_key=Inner()), "*") == whole
    assert read_mask(Outer(api_key=Inner()), "api_key.displayName") == whole
    assert read_mask(Outer(api_key=Inner()), "state") == {"name": "accounts/a"}


def test_an_update_mask_may_only_name_what_can_change() -> None:
    assert check_mask("display_name", {"displayName", "role"}) == {"displayName"}
    assert mask_fields("*") == set()
    with pytest.raises(InvalidRequest, match="createTime cannot be changed"):
        check_mask("createTime", {"displayName"})


@pytest.mark.parametrize(
    "body",
    [b'{"a":' * 50_000, b'{"a":' + b"[" * 50_000, b'{"a":' * 65 + b"1" + b"}" * 65],
)
def test_a_body_that_is_nested_too_deeply_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="nested more than 64 deep"):
        decode_body(body, dict[str, object])


def test_a_body_may_be_nested_as_deeply_as_resources_are() -> None:
    deep = b'{"a":' * 64 + b"1" + b"}" * 64

    assert decode_body(deep, dict[str, object])
