"""What came of a step or a job, in a form that is kept and means the same when it is read again.

Errors that a caller can act on are kept as such. Any other is a bug: its traceback goes to the log
once, here, and what is kept says so.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Any

import msgspec
from msgspec import Struct

from hearth import errors
from hearth.errors import ApiError, InternalError, SetupError

log = logging.getLogger(__name__)


class KeptError(Struct, frozen=True, kw_only=True):
    """An error of ours, by the name of its class."""

    name: str
    message: str
    param: str | None = None
    details: str | None = None
    retry_after_s: float | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """A value, or an error."""

    value: Any = None  # Any: whatever JSON a step or handler returns
    error: KeptError | None = None

    def take(self) -> Any:  # Any: see `value`
        """Return the value.

        Raises:
            ApiError: the step raised it, now or before a crash.
            SetupError: the same.
        """
        if self.error is not None:
            raise _error(self.error)
        return self.value


async def outcome_of(work: Awaitable[object], *, what: str) -> Outcome:
    """Wait for the work and keep what comes of it.

    Args:
        work: its value is JSON, or structs that can be written as such.
        what: names the work where it breaks inside Hearth.
    """
    try:
        return Outcome(value=msgspec.to_builtins(await work))
    except (ApiError, SetupError) as error:
        return Outcome(error=_kept(error))
    except Exception:  # a bug in one job must not end the runner of all
        log.exception("%s broke inside Hearth", what)
        message = f"{what} broke inside Hearth; the controller's log has the traceback."
        return Outcome(error=_kept(InternalError(message)))


def _kept(error: ApiError | SetupError) -> KeptError:
    name = type(error).__name__
    if isinstance(error, SetupError):
        return KeptError(name=name, message=str(error))
    return KeptError(
        name=name,
        message=error.message,
        param=error.param,
        details=error.details,
        retry_after_s=error.retry_after_s,
    )


def _error(kept: KeptError) -> ApiError | SetupError:
    if kept.name == SetupError.__name__:
        return SetupError(kept.message)
    error: ApiError = ApiError.__new__(getattr(errors, kept.name, InternalError))
    # Not by the class's own arguments: some have a sentence of their own, which is kept already.
    ApiError.__init__(
        error,
        kept.message,
        param=kept.param,
        details=kept.details,
        retry_after_s=kept.retry_after_s,
    )
    return error
