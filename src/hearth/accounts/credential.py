"""Where the key stands in a request."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs


def credential(headers: Mapping[bytes, bytes], query: bytes = b"") -> str | None:
    """The key that a request carries, in whichever form its client sends it.

    `Authorization: Bearer KEY`, `Authorization: KEY`, `x-api-key: KEY`; where a query string is
    passed, as for websockets, whose headers a browser cannot set, also `?Authorization=KEY`.

    Args:
        headers: by name, in lower case.
        query: the raw query string.
    """
    if value := headers.get(b"authorization"):
        return _bare(value.decode("latin-1"))
    if value := headers.get(b"x-api-key"):
        return value.decode("latin-1").strip()
    given = parse_qs(query.decode("latin-1")).get("Authorization") if query else None
    return _bare(given[0]) if given else None


def _bare(value: str) -> str:
    value = value.strip()
    return value[7:].lstrip() if value[:7].lower() == "bearer " else value
