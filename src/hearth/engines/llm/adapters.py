"""Which adapters a text engine has, and which of them a request asks for."""

from __future__ import annotations

from hearth.engines.engine import AdapterEngine, Failed
from hearth.engines.llm.types import TokenEngine
from hearth.engines.protocol import Failure, Hello


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


def live(tokens: TokenEngine) -> AdapterEngine:
    """The runner as one whose adapters come and go.

    Raises:
        Failed: they cannot.
    """
    if isinstance(tokens, AdapterEngine):
        return tokens
    message = (
        f"The engine {tokens.hello().engine} loads adapters only at its start; start a replica "
        "that has them beside this one."
    )
    raise Failed(Failure(kind="invalid", message=message))
