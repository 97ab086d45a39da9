"""Bodies of the control plane: JSON in camelCase, read into typed structs and masked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from hearth.errors import InvalidRequest
from hearth.kit.names import to_camel

ShortText = Annotated[str, Meta(max_length=256, pattern=r"^[^\x00]*\Z")]
"""Text that a person writes in one line; PostgreSQL cannot hold a NUL."""

MAX_DEPTH = 64  # of objects and lists in each other

T = TypeVar("T")

# msgspec tells the place only in its message: "Expected `str`, got `int` - at `$.apiKey.prefix`".
_PLACE = re.compile(r" - at `\$\.?(.*)`\Z", re.DOTALL)


def decode_body(body: bytes, kind: type[T]) -> T:
    """Read a JSON body; no body counts as an empty object, and unknown fields are let pass.

    Raises:
        InvalidRequest: it is no JSON, or does not fit; `param` is the field's path.
    """
    try:
        decoded = msgspec.json.decode(body or b"{}", type=kind)
        if isinstance(decoded, dict) and _is_deeper(decoded, MAX_DEPTH):
            raise RecursionError
    except msgspec.ValidationError as error:
        message = str(error)
        place = _PLACE.search(message)
        param = place.group(1) if place else None
        reason = message[: place.start()] if place else message
        raise InvalidRequest(f"{param or 'The body'}: {reason}.", param=param) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is not JSON: {error}.") from error
    except RecursionError as error:
        raise InvalidRequest(f"The body is nested more than {MAX_DEPTH} deep.") from error
    return decoded


def _is_deeper(value: object, limit: int) -> bool:
    """Whether a JSON value is nested deeper; what goes through it later calls itself to do so."""
    level: list[object] = [value]
    for _ in range(limit):
        level = [inner for each in level for inner in _inside(each)]
    return any(isinstance(each, (dict, list)) for each in level)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def read_mask(resource: object, mask: str) -> dict[str, object]:
    """The fields of a resource that `readMask` asks for; all of them for `*` or nothing.

    A resource's name is always there, or nobody could tell which one it is.
    """
    fields: dict[str, object] = msgspec.to_builtins(resource)
    wanted = mask_fields(mask)
    if not wanted:
        return fields
    return {name: value for name, value in fields.items() if name in wanted or name == "name"}


def mask_fields(mask: str) -> set[str]:
    """The top-level fields of a mask, in camelCase; empty when the mask leaves nothing out."""
    names = {to_camel(part.strip().split(".")[0]) for part in mask.split(",") if part.strip()}
    return set() if "*" in names else names


def check_mask(mask: str, known: Iterable[str]) -> set[str]:
    """Read an `updateMask`.

    Raises:
        InvalidRequest: it names a field that cannot be changed.
    """
    names = mask_fields(mask)
    if unknown := sorted(names - set(known)):
        raise InvalidRequest(
            f"updateMask: {', '.join(unknown)} cannot be changed; use {', '.join(sorted(known))}.",
            param="updateMask",
        )
    return names
