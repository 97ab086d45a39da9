"""What the log says of inference requests: a line each, and bodies only when asked for.

Keys are always shown as [REDACTED]. Prompts appear only with the setting `log_requests`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from hearth.gateway.http import Exchange, Message

log = logging.getLogger(__name__)

_SECRET_HEADERS = frozenset({b"authorization", b"x-api-key", b"cookie"})


class RequestLog:
    """Writes the lines; with `with_bodies`, whole requests and answers too."""

    def __init__(self, *, with_bodies: bool) -> None:
        self._with_bodies = with_bodies

    def request(self, exchange: Exchange, body: bytes) -> None:
        """Log a request as it came, and arrange that its answer is logged."""
        if not self._with_bodies:
            return
        log.info(
            "Request %s: %s %s %s %s",
            exchange.request_id, exchange.scope["method"], exchange.path,
            redacted(exchange.headers), body.decode(errors="replace"),
        )  # fmt: skip
        send = exchange.send

        async def send_and_log(message: Message) -> None:
            self._answer(exchange.request_id, message)
            await send(message)

        exchange.send_through(send_and_log)

    def _answer(self, request_id: str, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = redacted(message["headers"])
            log.info("Answer %s: %s %s", request_id, message["status"], headers)
        elif message["body"]:
            log.info("Answer %s: %s", request_id, message["body"].decode(errors="replace"))

    def answered(self, exchange: Exchange, duration_s: float) -> None:
        """Log that a request ended."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug(
                "%s %s %s in %.1f ms",
                exchange.request_id, exchange.path, exchange.status, duration_s * 1e3,
            )  # fmt: skip


def redacted(headers: list[tuple[bytes, bytes]]) -> Mapping[str, str]:
    """Headers to show, without their secrets."""
    return {
        name.decode("latin-1"): "[REDACTED]" if name in _SECRET_HEADERS else value.decode("latin-1")
        for name, value in headers
    }
