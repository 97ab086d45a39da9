"""Private endpoints as the settings have them."""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path

from hearth import catalog, deployments
from hearth.deployments import PrivateAddresses
from hearth.errors import SetupError
from hearth.gateway.networks import Networks, Senders
from hearth.gateway.private_access import AccessLog
from hearth.gateway.private_endpoints import PrivateEndpoints
from hearth.gateway.server import tls_context
from hearth.kit.db import Database
from hearth.kit.secret_keys import load_sealer
from hearth.resources import Documents
from hearth.settings import Settings


class PrivateSide:
    """What a gateway has of private deployments.

    Args:
        settings: read once, passed on as values.
        db: open, and up to date.

    Raises:
        SetupError: a setting does not fit.
    """

    def __init__(self, settings: Settings, db: Database) -> None:
        addresses, senders = addresses_of(settings), senders_of(settings)
        stored = Documents(deployments.DEPLOYMENT_KIND)
        self.networks = deployments.PrivateNetworks(db, stored, addresses)
        self.access = AccessLog(db, senders)
        self.endpoints = PrivateEndpoints(addresses, senders, self.access)

    async def refresh(self) -> None:
        """Learn which private deployments there are, and whom they let in."""
        self.endpoints.refresh(await self.networks.private())


def private_parts(settings: Settings, models: catalog.ServedCatalog) -> deployments.Parts:
    """What private deployments add to the rules of deployments."""
    stored = Documents(deployments.DEPLOYMENT_KIND)
    groups = Documents(deployments.SECURITY_GROUPS)
    completer = deployments.VpcCompleter(
        deployments=stored,
        groups=groups,
        addresses=addresses_of(settings),
        is_remote=partial(_is_remote, models),
        may_seal=settings.profile == "dev" or bool(settings.secret_key),
    )
    return deployments.Parts(
        completers=(completer,),
        certifications=deployments.certifications_of,
        sealed_for=deployments.sealed_for,
        labels=partial(deployments.vpc_labels, deployments=stored, groups=groups),
    )


def make_executor(settings: Settings) -> deployments.Executor:
    """What runs workers on this machine, with sealed weights opened in memory alone.

    Raises:
        SetupError: the keys that seal cannot be read.
    """
    home = settings.home_path
    local = deployments.LocalExecutor(home, start_timeout_s=settings.engine_start_timeout_s)
    sealer = load_sealer(home, settings.secret_key)
    return deployments.SealedExecutor(
        local, deployments.Vault(catalog.ModelStore(home).root, sealer)
    )


def _is_remote(models: catalog.ServedCatalog, name: str, account_id: str) -> bool:
    found = models.find(name, account_id)
    return found is not None and found.serving.remote is not None


def addresses_of(settings: Settings) -> PrivateAddresses:
    """How private endpoints are reached.

    Raises:
        SetupError: the private ports are none, or hold everybody's.
    """
    ports = range(0)
    if settings.private_ports:
        first, last = (int(part) for part in settings.private_ports.split("-"))
        ports = range(first, last + 1)
        if not 1 <= first <= last <= 65535 or settings.port in ports:
            raise SetupError(
                f"HEARTH_PRIVATE_PORTS {settings.private_ports!r} must be START-END, both from 1 "
                f"to 65535, without HEARTH_PORT ({settings.port})."
            )
    return PrivateAddresses(
        domain=settings.private_domain.strip(".").lower(),
        ports=ports,
        host=settings.host,
        port=settings.port,
        is_tls=bool(settings.tls_cert),
    )


def senders_of(settings: Settings) -> Senders:
    """Who is believed to say for whom it speaks.

    Raises:
        SetupError: a network is none.
    """
    cidrs = [part.strip() for part in settings.trusted_proxies.split(",") if part.strip()]
    try:
        return Senders(Networks(cidrs))
    except ValueError as error:
        raise SetupError(
            f"HEARTH_TRUSTED_PROXIES: {error}; write networks such as 10.0.0.7/32."
        ) from error


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """What gateways speak TLS with; None: they do not.

    Raises:
        SetupError: only one of the two files is named, or they do not fit.
    """
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise SetupError("HEARTH_TLS_CERT and HEARTH_TLS_KEY belong together; set both, or none.")
    if not settings.tls_cert:
        return None
    return tls_context(Path(settings.tls_cert).expanduser(), Path(settings.tls_key).expanduser())
