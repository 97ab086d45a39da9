"""What the clients raise.

Exception
├── BudgetSpent         the budget of a tracker is used up; nothing was sent
└── RequestError        a request came to nothing, however often it was tried
    ├── RequestRefused    the server answered with an error
    └── ConnectionFailed  no answer came, or it broke off
"""

from __future__ import annotations


class BudgetSpent(Exception):
    """The budget of a tracker is used up; nothing was sent."""


class RequestError(Exception):
    """A request came to nothing, however often it was tried."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.num_attempts = 1
        "How often the request was sent."


class ConnectionFailed(RequestError):
    """No answer came, or it broke off; what the server did with the request is not known."""


class RequestRefused(RequestError):
    """The server answered with an error.

    Args:
        status: of HTTP; 200 where a stream broke, or where the answer is not JSON.
        code: the server's own word for it, such as `NOT_FOUND`; empty where it has none.
        param: the field at fault.
        request_id: what to look for in the server's log.
        retry_after_s: how long the server asks to wait.
        should_retry: what the server says of retrying; None: nothing.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        param: str | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.request_id = request_id
        self.retry_after_s: float | None = None
        self.should_retry: bool | None = None

    def __str__(self) -> str:
        named = f", request {self.request_id}" if self.request_id else ""
        return f"{self.message} (status {self.status}{named})"
