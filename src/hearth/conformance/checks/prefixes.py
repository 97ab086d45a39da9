"""Any base URL that a client is given leads to the same routes."""

from __future__ import annotations

from functools import partial

from hearth.conformance.server import Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import has


def _reaches_chat(prefix: str, server: Server) -> None:
    body = server.ask(f"{prefix}/chat/completions", server.chat(max_tokens=1))
    has(body["choices"][0], "finish_reason")


CHECKS = [
    Check("base URL", f"{shown}/chat/completions answers", partial(_reaches_chat, prefix))
    for shown, prefix in (
        ("/v1", ""),
        ("/inference/v1", "../inference/v1"),
        ("/inference/v1/v1", "../inference/v1/v1"),
    )
]
