"""What a refusal by the server means for the request."""

from __future__ import annotations

import math

import msgspec
from msgspec import Raw, Struct

from hearth.engines.protocol import Failure
from hearth.engines.remote.events import ErrorObject

_AT_OUR_EXPENSE = {401, 402, 403}  # a wrong key or an empty purse: the operator's, not the caller's
_BUSY = {408, 429, 503, 529}  # 529 is what some say when they are overloaded


class _ErrorBody(Struct, frozen=True):
    """The error bodies that OpenAI, vLLM, SGLang and FastAPI answer with."""

    error: ErrorObject | str | None = None
    message: str | None = None
    param: str | None = None
    detail: Raw = Raw(b"")


_body = msgspec.json.Decoder(_ErrorBody)


def refusal(status: int, body: bytes, *, retry_after: str = "") -> Failure:
    """The failure that tells of an answer with an error status."""
    message, param = _read(body)
    said = f": {message}" if message else "."
    if status in _AT_OUR_EXPENSE:
        return Failure(
            kind="failed", message=f"The upstream does not accept this platform's key ({status})."
        )
    if status in _BUSY:
        return Failure(
            kind="unavailable",
            message=f"The upstream is busy ({status}){said}",
            retry_after_s=_seconds(retry_after),
        )
    if 400 <= status < 500:
        return Failure(
            kind="invalid", message=message or f"The upstream refused ({status}).", param=param
        )
    return Failure(kind="failed", message=f"The upstream failed ({status}){said}")


def _read(body: bytes) -> tuple[str, str | None]:
    """The message and the parameter at fault."""
    try:
        read = _body.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", None  # a proxy's page in HTML tells a caller nothing
    if isinstance(read.error, ErrorObject):
        message, param = read.error.message, read.error.param
    else:
        message, param = read.error or read.message, read.param
    if not message and read.detail:
        message = bytes(read.detail).decode(errors="replace").strip('"')
    return " ".join((message or "").split())[:1000], param


def _seconds(retry_after: str) -> float | None:
    """Read `Retry-After`; None where it is missing or a date."""
    try:
        seconds = float(retry_after)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
