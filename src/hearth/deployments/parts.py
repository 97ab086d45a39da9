"""What other parts of deployments add to the rules of one: shapes, networks, adapters, routers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from hearth.deployments.types import Deployment
from hearth.engines.protocol import Adapter
from hearth.kit.db import Connection
from hearth.resources import Asking

Completer = Callable[[Connection, Deployment, Asking], Awaitable[Deployment]]
"Completes and checks what is about to be stored; raises an `ApiError` to refuse it."
User = Callable[[Connection, str], Awaitable[str | None]]
"Says what uses a deployment, by its name, so that it should not go; None: nothing."
AdaptersOf = Callable[[Connection], Awaitable[dict[str, tuple[Adapter, ...]]]]
"The adapters to be loaded, by pool: a deployment, or a model that is served without one."
LabelsOf = Callable[[Connection], Awaitable[dict[str, str]]]
"What the status of deployments says beside how they stand, by their names."


def _no_certifications(_: Deployment) -> frozenset[str]:
    return frozenset()


def _for_nobody(_: Deployment) -> str:
    return ""


async def _no_adapters(_: Connection) -> dict[str, tuple[Adapter, ...]]:
    return {}


async def _no_labels(_: Connection) -> dict[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """All of them; whatever is left out adds nothing."""

    completers: Sequence[Completer] = ()
    "In order, before the rules of deployments themselves."
    users: Sequence[User] = ()
    certifications: Callable[[Deployment], frozenset[str]] = _no_certifications
    "What the region of a deployment must have."
    sealed_for: Callable[[Deployment], str] = _for_nobody
    "The account whose weights a deployment has encrypted on disk; empty: none."
    adapters: AdaptersOf = _no_adapters
    labels: LabelsOf = _no_labels
