"""Which adapters a text engine has, and which of them a request asks for."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from hearth.engines.engine import Failed, LiveAdapters
from hearth.engines.llm.types import TokenEngine
from hearth.engines.protocol import Failure, Hello


@runtime_checkable
class LiveTokens(Protocol):
    """A `TokenEngine` whose adapters can come and go while it works."""

    @property
    def adapters(self) -> LiveAdapters:
        """Those it has."""
        ...


def asked_digest(name: str, hello: Hello) -> str:
    """The digest of the adapter that a request asks for; empty where it asks for none.

    Raises:
        Failed: it is not loaded.
    """
    if not name:
        return ""
    if digest := hello.digest_of(name):
        return digest
    message = f"The adapter {name} is not loaded here; load it on this deployment first."
    raise Failed(Failure(kind="unavailable", message=message, param="model"))


def live(tokens: TokenEngine) -> LiveAdapters:
    """The adapters of a runner that can load them while it works.

    Raises:
        Failed: this one cannot.
    """
    if isinstance(tokens, LiveTokens):
        return tokens.adapters
    message = (
        f"The engine {tokens.hello().engine} loads adapters only at its start; start a replica "
        "that has them beside this one."
    )
    raise Failed(Failure(kind="invalid", message=message))
