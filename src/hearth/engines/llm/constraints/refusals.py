"""How a constraint that cannot be used is refused: with the place of the fault."""

from __future__ import annotations

import re

from hearth.engines.engine import Failed
from hearth.engines.protocol import Failure

_PLAIN = re.compile(r"[\w$-]+", re.ASCII)


def refused(message: str, place: str) -> Failed:
    """Return the refusal of what stands at a place of the request."""
    return Failed(Failure(kind="invalid", message=f"{place}: {message}", param=place))


def inside(place: str, key: str | int) -> str:
    """Return the place of a member, as in `schema.properties.a.anyOf[1]`."""
    if isinstance(key, int):
        return f"{place}[{key}]"
    return f"{place}.{key}" if _PLAIN.fullmatch(key) else f"{place}[{key!r}]"
