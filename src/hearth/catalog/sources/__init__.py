"""Fetching weights: one module per kind of source behind one function."""

from __future__ import annotations

from functools import partial

from hearth.catalog.sources.address import (
    Address,
    FileAddress,
    HubAddress,
    PackageAddress,
    WebAddress,
)
from hearth.catalog.sources.types import Fetcher


def fetcher_for(address: Address) -> Fetcher:
    """What fetches from `address`; HTTP libraries are loaded only for those that need them."""
    match address:
        case PackageAddress():
            from hearth.catalog.sources.package import fetch_package

            return partial(fetch_package, address)
        case FileAddress():
            from hearth.catalog.sources.local import fetch_local

            return partial(fetch_local, address)
        case WebAddress():
            from hearth.catalog.sources.web import fetch_web

            return partial(fetch_web, address)
        case HubAddress():
            from hearth.catalog.sources.hub import fetch_hub

            return partial(fetch_hub, address)
