"""Reads errors and server-sent events as servers of this API write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hearth.client.errors import RequestRefused
from hearth.client.retries import retry_after_s

Json = Any  # Any: JSON
_SHOULD_RETRY = {"true": True, "false": False}


def refusal(status: int, headers: Mapping[str, str], body: bytes, now: float) -> RequestRefused:
    """The error that an answer with a status of 400 and more is.

    Args:
        headers: looked up by lower-case names.
        now: Unix seconds.
    """
    found = _object(body)
    error = _from_object(found, status, headers.get("x-request-id", ""))
    if not error.message:
        error.message = body[:200].decode(errors="replace") or f"HTTP status {status}."
        error.args = (error.message,)
    error.retry_after_s = retry_after_s(headers, now)
    error.should_retry = _SHOULD_RETRY.get(headers.get("x-should-retry", ""))
    return error


def decoded(body: bytes) -> Json:
    """The value of a good answer; None when it has no body.

    Raises:
        RequestRefused: it is not JSON, so it is not from a server of this API.
    """
    try:
        return json.loads(body) if body else None
    except ValueError:
        start = body[:80].decode(errors="replace")
        message = f"The answer is not JSON: {start!r}."
        raise RequestRefused(message, status=200, code="not_json") from None


def event(line: str, request_id: str) -> Json:
    """The value in a line of a stream; None for lines that carry none, and for the last.

    Raises:
        RequestRefused: it says that the stream broke, or is not JSON.
    """
    name, _, data = line.partition(":")
    if name != "data" or data.strip() in ("", "[DONE]"):
        return None
    value = decoded(data.strip().encode())
    if isinstance(value, dict) and value.get("error"):
        raise _from_object(value, 200, request_id)
    return value


def _object(body: bytes) -> dict[str, Json]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _from_object(body: dict[str, Json], status: int, request_id: str) -> RequestRefused:
    """Read `{"error": {…}}`, `{"error": "text"}` and, of the control plane, `{"message": …}`."""
    inner = body.get("error")
    error = inner if isinstance(inner, dict) else body
    message = inner if isinstance(inner, str) else error.get("message")
    return RequestRefused(
        str(message or ""),
        status=status,
        code=str(error.get("code") or error.get("type") or ""),
        param=error.get("param"),
        request_id=request_id or str(body.get("request_id") or ""),
    )
