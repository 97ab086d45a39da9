"""Ids: made without asking anyone, unique across processes, cheap enough for every request."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import count
from time import time_ns

from hearth.errors import InvalidRequest

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts, no i l o u
_RESOURCE_ID = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
RESOURCE_ID_RULE = "1 to 63 of a-z, 0-9 and hyphen; no digit or hyphen first, and no hyphen last"


class _Process:
    """What makes this process's ids its own; a forked child draws another."""

    head: str | None = None
    uuid_head: str = ""
    counter: Iterator[int] = count()

    @classmethod
    def draw(cls) -> str:
        """Draw the random parts, at first use and again in every forked child."""
        if cls.head is None:
            os.register_at_fork(after_in_child=cls._draw)
        return cls._draw()

    @classmethod
    def _draw(cls) -> str:
        bits = os.urandom(10).hex()
        variant = "89ab"[os.urandom(1)[0] & 3]
        cls.uuid_head = f"{bits[:8]}-{bits[8:12]}-4{bits[12:15]}-{variant}{bits[15:18]}-"
        cls.counter = count()
        cls.head = _base32(int.from_bytes(os.urandom(5), "big"), 8)
        return cls.head


def new_id(prefix: str) -> str:
    """A resource id `prefix-…` of 24 more letters; later ids of a process sort after earlier ones.

    Milliseconds (10 letters), this process's random part (8), a counter (6).
    """
    head = _Process.head or _Process.draw()
    moment = time_ns() // 1_000_000
    return f"{prefix}-{_base32(moment, 10)}{head}{_base32(next(_Process.counter), 6)}"


def new_uuid() -> str:
    """A bare UUID (version 4 in form): 74 random bits of this process and a counter."""
    if _Process.head is None:
        _Process.draw()
    return f"{_Process.uuid_head}{next(_Process.counter):012x}"


def is_resource_id(text: str) -> bool:
    """Whether a resource may be called so."""
    return _RESOURCE_ID.fullmatch(text) is not None


def check_resource_id(text: str, *, param: str) -> str:
    """Return the id a caller chose.

    Raises:
        InvalidRequest: no resource may be called so.
    """
    if not is_resource_id(text):
        raise InvalidRequest(f"{text[:80]!r} cannot be an id: {RESOURCE_ID_RULE}.", param=param)
    return text


def _base32(number: int, width: int) -> str:
    letters = []
    for _ in range(width):
        letters.append(_DIGITS[number & 31])
        number >>= 5
    letters.reverse()
    return "".join(letters)
