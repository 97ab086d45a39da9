"""What the log says of inference requests: a line each, and bodies only when asked for.

Keys are always shown as [REDACTED]. Prompts appear only with the setting `log_requests`, and never
those of deployments whose compliance mode forbids it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from hearth.gateway.error_shapes import Headers
from hearth.gateway.http import Exchange

log = logging.getLogger(__name__)

_SECRET_HEADERS = frozenset({b"authorization", b"x-api-key", b"cookie"})


def _withholds_nothing(_: Exchange, __: bytes) -> bool:
    return False


class RequestLog:
    """Writes the lines.

    Args:
        with_bodies: whole requests and answers, too.
        withholds: whether the body of a request and its answer must not be written down.
    """

    def __init__(
        self,
        *,
        with_bodies: bool,
        withholds: Callable[[Exchange, bytes], bool] = _withholds_nothing,
    ) -> None:
        self._with_bodies = with_bodies
        self._withholds = withholds

    def request(self, exchange: Exchange, body: bytes) -> None:
        """Log a request as it came, and arrange that its answer is logged."""
        if not self._with_bodies:
            return
        if self._withholds(exchange, body):
            log.info("Request %s: POST %s, body withheld", exchange.request_id, exchange.path)
            return
        log.info(
            "Request %s: POST %s %s %s",
            exchange.request_id, exchange.path, redacted(exchange.headers.items()),
            body.decode(errors="replace"),
        )  # fmt: skip
        exchange.answer_log = LoggedAnswer(exchange.request_id)

    def answered(self, exchange: Exchange, duration_s: float) -> None:
        """Log that a request ended."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug(
                "%s %s %s in %.1f ms",
                exchange.request_id, exchange.path, exchange.status, duration_s * 1e3,
            )  # fmt: skip


class LoggedAnswer:
    """Logs an answer as it is sent."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    def head(self, status: int, headers: Headers) -> None:
        """See `AnswerLog.head`."""
        log.info("Answer %s: %s %s", self._request_id, status, redacted(headers))

    def piece(self, body: bytes) -> None:
        """See `AnswerLog.piece`."""
        log.info("Answer %s: %s", self._request_id, body.decode(errors="replace"))


def redacted(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    """Headers to show, without their secrets."""
    return {
        name.decode("latin-1"): "[REDACTED]" if name in _SECRET_HEADERS else value.decode("latin-1")
        for name, value in headers
    }
