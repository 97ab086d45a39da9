"""Secrets over HTTP: made, named, changed and deleted; never read back."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.routing import Route

from hearth.accounts import Door
from hearth.resources import ResourceRoutes
from hearth.secrets.service import SecretService


def routes(secrets: SecretService, door: Door[Request]) -> Sequence[Route]:
    """Every route of this feature."""
    return ResourceRoutes(secrets, door).routes()
