"""Page tokens: where a list goes on, and for which list that was said."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Protocol

import msgspec

from hearth.errors import InvalidRequest


class ReadsKey(Protocol):
    """One field of an order."""

    def read(self, written: object) -> object:
        """A value as a token holds it; raises `ValueError` or `msgspec.ValidationError`."""
        ...


def bind(*parts: str) -> str:
    """What a token of a list carries, so that it is good for this list alone."""
    return hashlib.blake2b("\x00".join(parts).encode(), digest_size=9).hexdigest()


def write_token(values: Sequence[object], binding: str) -> str:
    """The token of a page whose last item has these values."""
    return base64.urlsafe_b64encode(msgspec.json.encode([binding, *values])).decode()


def read_token(token: str, keys: Sequence[ReadsKey], binding: str) -> list[object]:
    """The values of a token; raises `InvalidRequest` when it is not one of this list."""
    try:
        bound_to, *written = msgspec.json.decode(base64.urlsafe_b64decode(token), type=list[object])
        if bound_to == binding:
            return [key.read(value) for key, value in zip(keys, written, strict=True)]
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise InvalidRequest("pageToken: this is not one of ours.", param="pageToken") from error
    raise InvalidRequest(
        "pageToken: it belongs to another list, filter or orderBy; start from the first page.",
        param="pageToken",
    )
