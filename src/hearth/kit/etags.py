"""Etags: proof that who changes a resource has seen its latest state.

AIP-154 for the field, RFC 9110 section 13.1.1 for the `If-Match` header, which may quote the tag,
list several, or say `*` for any.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from hearth.errors import Conflict

_ETAG_CHARS = 16


def etag_of(values: object) -> str:
    """A short text that differs whenever these values do; they are whatever JSON can hold."""
    encoded = msgspec.json.encode(values, order="deterministic")
    return sha256(encoded).hexdigest()[:_ETAG_CHARS]


def check_etag(given: str | None, current: str) -> None:
    """Hold a change to the state it was made for; nothing given stands for any state.

    Raises:
        Conflict: the resource is no longer what the tag was given for.
    """
    if not given:
        return
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in given.split(",")}
    if tags.isdisjoint({current, "*"}):
        raise Conflict(
            f"etag: it has changed since {given[:80]!r} was read and is {current!r} now; "
            "get it again and make the change on what it is now.",
            param="etag",
        )
