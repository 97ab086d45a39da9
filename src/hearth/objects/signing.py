"""Signed links: whoever has one may do one thing with one object, for a while; no account needed.

HMAC-SHA256 (RFC 2104) over method, key, expiry and the sizes that are taken.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

from hearth.errors import PermissionDenied, SetupError
from hearth.kit.clock import Clock, from_ns, to_rfc3339, utc_now

KEY_BYTES = 32
_REMEDY = "ask for a new one where you got it, such as `:getUploadEndpoint`"


def signing_key(home: Path) -> bytes:
    """The key that signs the links of a home, made when it is first needed.

    Raises:
        SetupError: it cannot be read or written, or is no key.
    """
    path = home / "objects.key"
    try:
        if not path.exists():
            _write_new(path)
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise SetupError(
            f"{path} cannot be used ({error}); make it readable, or remove it: links that were "
            "given out end with it."
        ) from error
    if len(key) != KEY_BYTES:
        raise SetupError(f"{path} holds no key of {KEY_BYTES} bytes; remove it for a new one.")
    return key


def _write_new(path: Path) -> None:
    """Write a key, unless another process is faster."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(os.urandom(KEY_BYTES).hex())
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(part, path)  # unlike a rename, it never replaces what others use already
    part.unlink()


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a URL allows.

    Args:
        size_bytes: how large what is put must be; None: as large as it likes.
    """

    method: Literal["GET", "PUT"]
    key: str
    expire_time: datetime
    size_bytes: int | None = None

    @property
    def expires_unix(self) -> int:
        """When it ends, in Unix seconds."""
        return int(self.expire_time.timestamp())

    @property
    def size(self) -> str:
        """The sizes that are taken, as the URL says them."""
        return "" if self.size_bytes is None else str(self.size_bytes)


class Signer:
    """Signs links, and tells its own from forged ones.

    Args:
        key: secret; whoever has it can make links.
        clock: tells when a link is over.
    """

    def __init__(self, key: bytes, clock: Clock = utc_now) -> None:
        self._key = key
        self._clock = clock

    def url(self, link: Link, base_url: str) -> str:
        """The link as a URL below the address of this server."""
        query = {"expires": str(link.expires_unix)}
        if link.size:
            query["size"] = link.size
        query["signature"] = self._sign(link.method, link.key, query["expires"], link.size)
        return f"{base_url}/objects/{quote(link.key)}?{urlencode(query)}"

    def check(self, method: Literal["GET", "PUT"], key: str, query: Mapping[str, str]) -> Link:
        """What a URL allows, which must be this.

        Raises:
            PermissionDenied: it is forged, of another use, or over.
        """
        expires, size = query.get("expires", ""), query.get("size", "")
        expected = self._sign(method, key, expires, size)
        if not hmac.compare_digest(expected.encode(), query.get("signature", "").encode()):
            raise PermissionDenied(
                f"This is not a signed link to {method} {key[:200]!r}: it was changed or cut, or "
                f"is for something else; {_REMEDY}."
            )
        expire_time = from_ns(int(expires) * 10**9)  # digits, for it was signed
        if self._clock() >= expire_time:
            raise PermissionDenied(f"This link ended at {to_rfc3339(expire_time)}; {_REMEDY}.")
        return Link(
            method=method,
            key=key,
            expire_time=expire_time,
            size_bytes=int(size) if size else None,
        )

    def _sign(self, *parts: str) -> str:
        return hmac.new(self._key, "\n".join(parts).encode(), sha256).hexdigest()
