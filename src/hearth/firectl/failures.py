"""What ends a command early, and the exit status that scripts see of it."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended; `firectl help exit-codes` shows these."""

    OK = 0
    FAILED = 1
    "The server refused, the resource failed, or something broke on the way."
    USAGE = 2
    "The command line is wrong; nothing was sent."
    NOT_FOUND = 3
    "There is no such resource."
    DENIED = 4
    "There is no key, it is unknown, or it may not do this."
    TIMED_OUT = 5
    "`--wait` gave up; what was begun goes on."
    INTERRUPTED = 130
    "Ctrl-C."


MEANINGS = {
    Exit.OK: "done",
    Exit.FAILED: "refused or failed; the line on standard error says why",
    Exit.USAGE: "the command line is wrong; nothing was sent",
    Exit.NOT_FOUND: "there is no such resource",
    Exit.DENIED: "no key, an unknown key, or one that may not do this",
    Exit.TIMED_OUT: "--wait gave up; what was begun goes on",
    Exit.INTERRUPTED: "interrupted by Ctrl-C",
}


class Failure(Exception):
    """The command cannot go on; the message is one line that names the remedy.

    Args:
        message: what went wrong, and what to do.
        exit_status: what the process ends with.
        below: lines for a person under the message, such as a filter with a caret.
    """

    def __init__(
        self, message: str, *, exit_status: Exit = Exit.FAILED, below: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.exit_status = exit_status
        self.below = below


class UsageFailure(Failure):
    """The command line is wrong."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_status=Exit.USAGE)


class Refused(Failure):
    """The server answered with an error.

    Args:
        message: the server's own words.
        status: the HTTP status.
        param: the field at fault, as the server names it.
        details: the server's list of details.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        param: str = "",
        details: tuple[object, ...] = (),
        below: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, exit_status=_EXITS.get(status, Exit.FAILED), below=below)
        self.status = status
        self.param = param
        self.details = details


_EXITS = {401: Exit.DENIED, 403: Exit.DENIED, 404: Exit.NOT_FOUND}


class Finished(Exception):
    """The command has done all it was asked for before its end, as `--dry-run` does."""
