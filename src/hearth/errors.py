"""Every failure a caller can act on, and how each becomes an HTTP status.

HearthError
├── SetupError              -    the machine or a setting stops us; one line, with the remedy
├── LostLeadership          -    another process leads now; what only a leader may do must stop
└── ApiError
    ├── InvalidRequest      400  the body or a parameter is wrong; `param` says which
    │   └── PromptOverBound 400  the prompt has more tokens than its limits cover
    ├── FailedPrecondition  400  the resource is in use, or not in the state that the action needs
    ├── Unauthenticated     401  no key, or one that is unknown, expired or disabled
    ├── PaymentRequired     402  a budget or the credit does not cover the request
    ├── PermissionDenied    403  the key is good but may not do this
    ├── NotFound            404  no such path or resource, or it is another account's
    │   ├── PathNotFound    404  no route has this path
    │   └── ModelNotFound   404  the model cannot be called; `details` says why and the remedy
    ├── MethodNotAllowed    405  the path exists, the method does not
    ├── RequestTimeout      408  the body did not arrive in time
    ├── Conflict            409  exists already, or its state forbids the action
    ├── AccountSuspended    412  an operator has stopped the account
    ├── PayloadTooLarge     413  the body is larger than the limit
    ├── RateLimited         429  a limit of the key or account is reached; retry after a while
    ├── InternalError       500  a fault of ours; the log has its traceback under the request id
    ├── EngineFailed        502  this request broke in the engine; the engine lives on
    └── Unavailable         503  no engine can take the request now; retrying may help
        └── WorkerGone      503  the worker died with this request in flight

An error does not know its wire shape: `gateway.error_shapes` renders it by route family.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self


class HearthError(Exception):
    """The root of every failure Hearth raises on purpose."""


class SetupError(HearthError):
    """The machine or a setting stops us; the message is one line and names the remedy."""


class LostLeadership(HearthError):
    """Another process leads by now, so nothing is written; whoever led must stop what it runs."""


class ApiError(HearthError):
    """A failure the caller of the API can act on.

    Args:
        message: what went wrong with which thing, and the remedy.
        param: the request field at fault, as a dotted path.
        details: more for a person to read, such as why a model is not callable.
        retry_after_s: when trying again may help, seconds from now.
        limit: the id of the limit that refuses, for operators.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL"
    grpc_code: ClassVar[int] = 13
    "The number google.rpc.Code gives to `code`; the control plane's bodies carry it."

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        details: str | None = None,
        retry_after_s: float | None = None,
        limit: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.details = details
        self.retry_after_s = retry_after_s
        self.limit = limit
        self.facts: Mapping[str, object] = {}

    def stating(self, facts: Mapping[str, object]) -> Self:
        """The same with its figures for programs: JSON, by camelCase name."""
        self.facts = facts
        return self


class InvalidRequest(ApiError):
    """The body or a parameter is wrong."""

    status, code, grpc_code = 400, "INVALID_ARGUMENT", 3


class PromptOverBound(InvalidRequest):
    """The prompt has more tokens than were held for; it was counted, not computed."""

    def __init__(self, prompt_tokens: int) -> None:
        super().__init__(f"The prompt has {prompt_tokens} tokens, more than its limits cover.")
        self.prompt_tokens = prompt_tokens


class FailedPrecondition(ApiError):
    """The resource is in use, or not in the state that the action needs."""

    status, code, grpc_code = 400, "FAILED_PRECONDITION", 9


class Unauthenticated(ApiError):
    """There is no key, or it is unknown, expired or disabled."""

    status, code, grpc_code = 401, "UNAUTHORIZED", 16


class PaymentRequired(ApiError):
    """A budget or the credit of the caller does not cover the request; waiting does not help."""

    status, code, grpc_code = 402, "PAYMENT_REQUIRED", 9


class PermissionDenied(ApiError):
    """The key is good but may not do this."""

    status, code, grpc_code = 403, "PERMISSION_DENIED", 7


class NotFound(ApiError):
    """No such path or resource, or it belongs to another account."""

    status, code, grpc_code = 404, "NOT_FOUND", 5


class PathNotFound(NotFound):
    """No route has this path."""


class ModelNotFound(NotFound):
    """The model cannot be called; clients compare the sentence, so it never changes."""

    SENTENCE: ClassVar[str] = "Model not found, inaccessible, and/or not deployed"

    def __init__(self, details: str) -> None:
        super().__init__(self.SENTENCE, param="model", details=details)


class MethodNotAllowed(ApiError):
    """The path exists, the method does not."""

    status, code, grpc_code = 405, "METHOD_NOT_ALLOWED", 12


class RequestTimeout(ApiError):
    """The body did not arrive in time."""

    status, code, grpc_code = 408, "DEADLINE_EXCEEDED", 4


class Conflict(ApiError):
    """The resource exists already, or its state forbids the action."""

    status, code, grpc_code = 409, "ALREADY_EXISTS", 6


class AccountSuspended(ApiError):
    """An operator has stopped the account, for its payments or its conduct."""

    status, code, grpc_code = 412, "FAILED_PRECONDITION", 9


class PayloadTooLarge(ApiError):
    """The body is larger than the limit."""

    status, code, grpc_code = 413, "PAYLOAD_TOO_LARGE", 3


class RateLimited(ApiError):
    """A limit of the key or the account is reached."""

    status, code, grpc_code = 429, "RESOURCE_EXHAUSTED", 8


class InternalError(ApiError):
    """A fault of ours; the log has its traceback under the request id."""


class EngineFailed(ApiError):
    """This request broke in the engine; the engine lives on."""

    status, code, grpc_code = 502, "INTERNAL", 13


class Unavailable(ApiError):
    """No engine can take the request now; retrying may help."""

    status, code, grpc_code = 503, "UNAVAILABLE", 14


class WorkerGone(Unavailable):
    """The worker died, or its connection broke, with this request in flight."""
