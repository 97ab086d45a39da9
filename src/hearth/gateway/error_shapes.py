"""How an error becomes a response: the shape belongs to the route family, not to the error.

Inference, control plane (a google.rpc.Status with the inference object beside it, so that both
kinds of client find their words) and Anthropic shapes, all with the request id.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import msgspec

from hearth.errors import ApiError, Conflict, PathNotFound

Headers = list[tuple[bytes, bytes]]


class Family(Enum):
    """Which shape a route's errors take."""

    INFERENCE = "inference"
    CONTROL_PLANE = "control plane"
    ANTHROPIC = "anthropic"


_CONTROL_PLANE = ("/objects", "/validateModelConfig", "/accounts", "/creditCodes", "/verifyApiKey")


def family_of(path: str) -> Family:
    """Which shape errors on a canonical path take."""
    if path.startswith(_CONTROL_PLANE):
        return Family.CONTROL_PLANE
    return Family.ANTHROPIC if path.startswith("/messages") else Family.INFERENCE


_ANTHROPIC_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
    403: "permission_error", 412: "billing_error",
    404: "not_found_error", 408: "timeout_error", 413: "invalid_request_error",
    429: "rate_limit_error", 503: "overloaded_error",
}  # fmt: skip


def error_object(error: ApiError) -> dict[str, Any]:  # Any: a JSON object
    """The inner `error` object of the inference shape."""
    is_server_fault = error.status >= 500
    body = {
        "object": "error",
        "type": "internal_server_error" if is_server_fault else "invalid_request_error",
        "code": error.code,
        "message": error.message,
        "param": error.param,
    }
    if isinstance(error, PathNotFound):
        body["type"] = "error"
    if error.details is not None:
        body["details"] = error.details
    return body


def error_body(error: ApiError, request_id: str, family: Family) -> bytes:
    """Render the body of an error response."""
    shape: dict[str, Any]  # Any: a JSON object
    if family is Family.ANTHROPIC:
        kind = _ANTHROPIC_TYPES.get(error.status, "api_error")
        shape = {"type": "error", "error": {"type": kind, "message": error.message}}
    elif family is Family.CONTROL_PLANE:
        told = {} if error.details is None else {"reason": error.details}
        facts = {**told, **error.facts}
        details = [facts] if facts else []
        shape = {
            "code": error.grpc_code,
            "message": error.message,
            "details": details,
            "error": error_object(error),
        }
    else:
        shape = {"error": error_object(error)}
    return msgspec.json.encode(shape | {"request_id": request_id})


def error_headers(error: ApiError) -> Headers:
    """Headers that tell clients whether and when to try again."""
    headers: Headers = []
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after_s))))
    if isinstance(error, Conflict):  # both official SDKs would retry a 409
        headers.append((b"x-should-retry", b"false"))
    return headers
