"""Deployments with an endpoint of their own: who may reach it, and what it lets see of itself.

An endpoint is a host name below the private domain or a port of its own. There, one deployment
answers and nothing else does; anywhere else, it does not exist. Whoever may not reach it, by their
network or by their account, is told what one is told who misspells its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from hearth.accounts import Caller
from hearth.deployments import ComplianceMode, PrivateAddresses, PrivateDeployment
from hearth.errors import ApiError, ModelNotFound, PermissionDenied
from hearth.gateway.error_shapes import Headers
from hearth.gateway.networks import Networks, Senders

_NOTHING_HERE = "Nothing of this name answers here."
_MAX_KNOWN_HOSTS = 1024


class Arrival(Protocol):
    """A request, as far as it tells where it comes from and where it went to."""

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """By name."""
        ...

    @property
    def lines(self) -> Headers:
        """Every header, as it came."""
        ...

    @property
    def peer_host(self) -> str | None:
        """The address that the connection comes from."""
        ...

    @property
    def local_port(self) -> int:
        """The port that it came to."""
        ...

    @property
    def is_tls(self) -> bool:
        """Whether the connection speaks TLS."""
        ...


class Watch(Protocol):
    """Is told what endpoints turn away."""

    def refused(self, arrival: Arrival, caller: Caller, deployment: str, reason: str) -> None:
        """A request was turned away; `reason` says why in a word or two."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One deployment's own; `deployment` is None where the one it belonged to is gone."""

    deployment: PrivateDeployment | None
    networks: Networks

    @property
    def mode(self) -> ComplianceMode | None:
        """The rules that it keeps to."""
        return None if self.deployment is None else self.deployment.mode

    @property
    def keeps_content(self) -> bool:
        """Whether prompts and answers may be logged, stored or repeated."""
        if self.deployment is None:
            return False  # nobody knows what it was
        return self.mode is None or self.mode.keeps_content

    def model_named(self, name: str) -> str | None:
        """The deployment's full name, if a request's model means it; with an adapter in front
        where one is asked for."""
        if self.deployment is None:
            return None
        adapter, separator, place = name.rpartition("#")
        short = f"{self.deployment.account_id}/{self.deployment.id}"
        own = {self.deployment.name, self.deployment.id, short}
        base = self.deployment.base_model
        bases = {base, base.rpartition("/")[2]}
        if not separator:
            return self.deployment.name if name in own | bases else None
        if place not in own:
            return None
        return self.deployment.name if adapter in bases else f"{adapter}#{self.deployment.name}"


NOWHERE = Endpoint(None, Networks())


class PrivateEndpoints:
    """The private endpoints of a gateway.

    Args:
        addresses: how they are reached.
        senders: says who really sends a request.
        watch: is told what was turned away.
    """

    def __init__(self, addresses: PrivateAddresses, senders: Senders, watch: Watch) -> None:
        self._suffix = f".{addresses.suffix}".encode()
        self._addresses = addresses
        self._ports = addresses.ports
        self._senders = senders
        self._watch = watch
        self._by_host: dict[bytes, Endpoint] = {}
        self._by_port: dict[int, Endpoint] = {}
        self._known_hosts: dict[bytes, Endpoint | None] = {}
        self._silent: tuple[bytes, ...] = ()

    def refresh(self, deployments: Iterable[PrivateDeployment]) -> None:
        """Keep to these from now on."""
        endpoints = {each.name: Endpoint(each, Networks(each.cidrs)) for each in deployments}
        self._by_host = {
            self._addresses.host_of(name).encode(): each for name, each in endpoints.items()
        }
        self._by_port = {
            each.deployment.port: each
            for each in endpoints.values()
            # A port of an earlier range is everybody's now, so nobody listens there for one.
            if each.deployment is not None and each.deployment.port in self._ports
        }
        self._silent = tuple(
            each.deployment.id.encode()
            for each in endpoints.values()
            if each.deployment is not None and not each.keeps_content
        )
        self._known_hosts = {}

    @property
    def ports(self) -> frozenset[int]:
        """Where gateways listen for one deployment each."""
        return frozenset(self._by_port)

    def at(self, arrival: Arrival) -> Endpoint | None:
        """The endpoint that a request came to; None: everybody's."""
        if self._ports and (port := arrival.local_port) in self._ports:
            return self._by_port.get(port, NOWHERE)
        host = arrival.headers.get(b"host", b"")
        try:
            return self._known_hosts[host]
        except KeyError:
            return self._look_up(host)

    def _look_up(self, host: bytes) -> Endpoint | None:
        name = host.lower().partition(b":")[0].rstrip(b".")
        found = self._by_host.get(name)
        if found is None and (name.endswith(self._suffix) or name == self._suffix[1:]):
            found = NOWHERE
        if len(self._known_hosts) >= _MAX_KNOWN_HOSTS:  # clients write them
            self._known_hosts.clear()
        self._known_hosts[host] = found
        return found

    def admit(self, arrival: Arrival, caller: Caller, endpoint: Endpoint, name: str = "") -> str:
        """What a request to an endpoint asks for, by its full name.

        Args:
            arrival: where the request comes from.
            caller: whose key it has.
            endpoint: where it came to; see `at`.
            name: the model it names; empty: whatever the endpoint has.

        Raises:
            ModelNotFound: the endpoint has no such model, or not for this caller.
            PermissionDenied: it takes only what comes over TLS.
        """
        deployment = endpoint.deployment
        if deployment is None:
            raise ModelNotFound(_NOTHING_HERE)
        refused = self._turned_away(arrival, caller, endpoint, deployment)
        if refused is not None:
            reason, error = refused
            self._watch.refused(arrival, caller, deployment.name, reason)
            raise error
        model = endpoint.model_named(name or deployment.name)
        if model is None:
            raise ModelNotFound(_NOTHING_HERE)
        return model

    def _turned_away(
        self, arrival: Arrival, caller: Caller, endpoint: Endpoint, deployment: PrivateDeployment
    ) -> tuple[str, ApiError] | None:
        senders = self._senders.of(arrival.peer_host, arrival.lines)
        if not senders or any(each not in endpoint.networks for each in senders):
            return "network", ModelNotFound(_NOTHING_HERE)
        if caller.account_id != deployment.account_id:
            return "account", ModelNotFound(_NOTHING_HERE)
        mode = endpoint.mode
        if mode is None or not mode.needs_tls or self._is_secure(arrival):
            return None
        return "no TLS", PermissionDenied(
            f"{deployment.name} keeps to {mode.name} and takes requests over TLS only; nothing of "
            "this one was processed. Use https: HEARTH_TLS_CERT and HEARTH_TLS_KEY make Hearth "
            "speak it, or a proxy in HEARTH_TRUSTED_PROXIES that sends X-Forwarded-Proto."
        )

    def _is_secure(self, arrival: Arrival) -> bool:
        peer, lines = arrival.peer_host, arrival.lines
        return self._senders.is_secure(peer, lines, is_tls=arrival.is_tls)

    def withholds(self, arrival: Arrival, body: bytes) -> bool:
        """Whether a request's body and its answer must not be logged.

        Also where it was sent to everybody's endpoint by mistake: there, whatever names the
        deployment counts, before anybody has read the body.
        """
        endpoint = self.at(arrival)
        if endpoint is not None:
            return not endpoint.keeps_content
        return any(each in body for each in self._silent)
