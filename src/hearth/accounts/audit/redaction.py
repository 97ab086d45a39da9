"""What the audit log must not keep: secrets, by the name of their field and by their look."""

from __future__ import annotations

import hashlib
import re

import msgspec

MAX_PAYLOAD_BYTES = 16 * 1024
MAX_TEXT_CHARS = 1024
REDACTED = "[redacted]"

# Field names are compared without case, hyphens and underscores.
_SECRET_NAMES = {
    "authorization",
    "code",  # of credits
    "cookie",
    "creditcode",
    "digest",
    "key",
    "passwd",
    "value",  # of secrets; numbers are kept, for they are the values of limits
}
_SECRET_ENDINGS = ("apikey", "secret", "password", "token", "privatekey", "credentials")
_SECRET_TEXT = re.compile(r"\b(?:fw_|sk-)[\w-]{16,}|\bBearer\s+\S+", re.IGNORECASE)


def redact(value: object) -> object:
    """The same JSON value without its secrets."""
    if isinstance(value, dict):
        return {
            redact_text(str(name)): REDACTED if _is_secret(str(name), inner) else redact(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(inner) for inner in value]
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """The same text without anything that looks like a key, and not longer than a page."""
    # PostgreSQL cannot hold a NUL.
    return _SECRET_TEXT.sub(REDACTED, text[:MAX_TEXT_CHARS].replace("\x00", ""))


def write_payload(payload: object) -> str:
    """A payload as redacted JSON; of one that is too large, its size and digest."""
    written = msgspec.json.encode(redact(msgspec.to_builtins(payload)))
    if len(written) > MAX_PAYLOAD_BYTES:
        sha256 = hashlib.sha256(written).hexdigest()
        written = msgspec.json.encode({"omitted": {"bytes": len(written), "sha256": sha256}})
    return written.decode()


def _is_secret(name: str, value: object) -> bool:
    plain = re.sub(r"[-_]", "", name).lower()
    is_named = plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)
    return is_named and isinstance(value, str) and value != ""
