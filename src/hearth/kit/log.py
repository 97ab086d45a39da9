"""Logs: to standard error, readable on a terminal, else one JSON object a line; without secrets.

A record may carry more than its message: `log.info("Ready", extra={"port": 8686})`.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TextIO

from hearth.kit.clock import to_rfc3339, utc_now

REDACTED = "[REDACTED]"

# What introduces a secret: the header's name, in whatever form the headers were printed.
_HEADER = r"(?:authorization|x-api-key)[\\'\"]*\s*[:=,]\s*(?:b(?=['\"]))?[\\'\"]*"
_SECRETS = re.compile(
    rf"(?i)({_HEADER}(?:(?:bearer|basic)\s+)?|\bbearer\s+)(?!\[REDACTED\])[^\s'\"\\,;&(){{}}\[\]]+"
    r"|\bfw_[A-Za-z0-9_-]{6,}"
)

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


_CHATTY = ("alembic", "gguf", "uvicorn")
"Libraries that tell of every step they take; only their warnings are sent."


def redact(text: str) -> str:
    """The text with every key in it replaced by `[REDACTED]`."""
    return _SECRETS.sub(lambda match: (match[1] or "") + REDACTED, text)


class _Human(logging.Formatter):
    """`12:00:00 INFO  hearth.gateway: Ready port=8686`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The line, with what came beside the message, and any traceback below."""
        head, *traceback = super().format(record).split("\n")
        extra = "".join(f" {name}={value}" for name, value in _extra(record).items())
        return redact("\n".join([head + extra, *traceback]))


class _JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, and what came beside it."""

    def format(self, record: logging.LogRecord) -> str:
        """The object; values JSON does not know are printed as text."""
        entry: dict[str, object] = {
            "time": to_rfc3339(utc_now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return redact(json.dumps(entry, default=str, ensure_ascii=False))


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, to be told from the handlers of others."""


def configure(level: str, *, stream: TextIO | None = None) -> None:
    """Send every record of `level` and above to standard error; safe to call again."""
    handler = _Handler(sys.stderr if stream is None else stream)
    handler.setFormatter(_Human() if handler.stream.isatty() else _JsonLines())
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for library in _CHATTY:
        logging.getLogger(library).setLevel(logging.WARNING)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}
