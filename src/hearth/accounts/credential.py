"""Where the key stands in a request."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qs


def credential(headers: Iterable[tuple[bytes, bytes]], query: bytes = b"") -> str | None:
    """The key that a request carries, in whichever form its client sends it.

    `Authorization: Bearer KEY`, `Authorization: KEY`, `x-api-key: KEY`; where a query string is
    passed, as for websockets, whose headers a browser cannot set, also `?Authorization=KEY`.

    Args:
        headers: as ASGI gives them: names in lower case.
        query: the raw query string.
    """
    other = None
    for name, value in headers:
        if name == b"authorization" and value:
            return _bare(value.decode("latin-1"))
        if name == b"x-api-key" and value:
            other = value.decode("latin-1").strip()
    if other is None and query:
        given = parse_qs(query.decode("latin-1")).get("Authorization")
        return _bare(given[0]) if given else None
    return other


def _bare(value: str) -> str:
    value = value.strip()
    return value[7:].lstrip() if value[:7].lower() == "bearer " else value
