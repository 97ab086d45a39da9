"""From the bytes of a body to a typed request: unknown fields, `extra_body`, clear errors.

Fireworks' own schema is closed, yet clients send fields it does not name. So unknown fields are
ignored by default and named in the `x-ignored-fields` header; strict mode refuses them.
"""

from __future__ import annotations

import re
from typing import Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from hearth.errors import InvalidRequest

T = TypeVar("T", bound=Struct)

_fields = msgspec.json.Decoder(dict[str, Raw])
_PLACE = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")

_NOTHING = frozenset({b"null"})
_OFF = frozenset({b"null", b"false"})
_EMPTY = frozenset({b"null", b"[]"})

REFUSED = {
    "tools": _EMPTY,
    "tool_choice": _NOTHING | {b'"none"', b'"auto"'},
    "functions": _EMPTY,
    "function_call": _NOTHING | {b'"none"', b'"auto"'},
    "reasoning_effort": _NOTHING | {b"false", b'"none"'},
    "thinking": _NOTHING,
    "safe_tokenization": _OFF,
    "prompt_truncate_len": _NOTHING,
    "images": _EMPTY,
    "return_logits": _EMPTY,
    "fanout_size": _NOTHING,
}
"""Fields that change an answer, with the values that ask for nothing.

A route whose type does not have one refuses it: completions take neither tools nor reasoning, and
no engine here reads images.
"""


class BodyDecoder(Generic[T]):
    """Decodes the bodies of one route.

    Args:
        kind: the request type.
        is_strict: refuse unknown fields instead of naming them.
    """

    def __init__(self, kind: type[T], *, is_strict: bool) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._known = frozenset(kind.__struct_fields__)
        self._is_strict = is_strict

    def decode(self, body: bytes) -> tuple[T, list[str]]:
        """Return the request and the names of the fields that were ignored.

        Raises:
            InvalidRequest: not JSON, a bad or missing field, or one that nothing honours yet.
        """
        try:
            return self._decoder.decode(body), []
        except msgspec.ValidationError:
            pass  # often only a field that the types do not know
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(f"The body is not valid JSON: {error}.") from None
        return self._decode_with_care(body)

    def _decode_with_care(self, body: bytes) -> tuple[T, list[str]]:
        """Sort the fields by name before their values are looked at."""
        try:
            fields = _merge_extra_body(_fields.decode(body))
            ignored = self._check_names(fields)
            known = {name: value for name, value in fields.items() if name in self._known}
            return self._decoder.decode(msgspec.json.encode(known)), ignored
        except msgspec.ValidationError as error:
            raise _invalid(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(f"The body is not valid JSON: {error}.") from None

    def _check_names(self, fields: dict[str, Raw]) -> list[str]:
        ignored = []
        for name in fields.keys() - self._known:
            value = bytes(fields[name])
            neutral = REFUSED.get(name)
            if neutral is None and self._is_strict:
                shown = value[:80].decode(errors="replace")
                raise InvalidRequest(
                    f"Extra inputs are not permitted, field: '{name}', value: {shown}", param=name
                )
            if neutral is None:
                ignored.append(name)
            elif value not in neutral:
                raise InvalidRequest(f"'{name}' is not supported here; leave it out.", param=name)
        return sorted(ignored)


def _merge_extra_body(fields: dict[str, Raw]) -> dict[str, Raw]:
    """Lift the keys of a literal `extra_body`, which raw HTTP clients send unflattened."""
    extra = fields.pop("extra_body", None)
    if extra is None or bytes(extra) == b"null":
        return fields
    try:
        return _fields.decode(extra) | fields
    except msgspec.ValidationError:
        raise InvalidRequest("'extra_body' must be an object.", param="extra_body") from None


def _invalid(error: msgspec.ValidationError) -> InvalidRequest:
    """Say which field is at fault; msgspec names it only at the end of its text."""
    text = str(error)
    if place := _PLACE.search(text):
        param = place.group(1) or None
        if missing := _MISSING.search(text):
            param = f"{param}.{missing.group(1)}"
        return InvalidRequest(f"{text[: place.start()]}, field: '{param}'", param=param)
    if missing := _MISSING.search(text):
        return InvalidRequest(f"'{missing.group(1)}' is required.", param=missing.group(1))
    return InvalidRequest(f"The body does not fit: {text}.")
