"""Which failures of a database are its absence, told apart from faults in what was asked of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from hearth.errors import Unavailable


@contextmanager
def told_as_unavailable() -> Iterator[None]:
    """A transaction that breaks off says that trying again may help; nothing of it is written.

    (Unless it broke in its very commit: then nobody knows, so whoever tries again must be able to.)

    Raises:
        Unavailable: the database went away, or was too busy.
    """
    try:
        yield
    except DBAPIError as error:
        if not is_outage(error):
            raise
        raise unavailable(error) from error


def unavailable(error: Exception) -> Unavailable:
    """The error of ours for a database that does not answer."""
    text = f"The database does not answer: {first_line(error)}."
    return Unavailable(text, retry_after_s=1)


def is_outage(error: DBAPIError) -> bool:
    """Whether the statement was not at fault."""
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        # SQLite's drivers tell a full disk and a missing table by this number alone.
        code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return isinstance(error, OperationalError) and code != sqlite3.SQLITE_ERROR
    return isinstance(error, OperationalError | InterfaceError)


def first_line(error: BaseException) -> str:
    """What the driver said, without SQLAlchemy's wrapping and in one line."""
    if isinstance(error, Unavailable) and error.__cause__ is not None:
        return first_line(error.__cause__)
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).splitlines() or [type(cause).__name__]
    return lines[0].rstrip(". ")
