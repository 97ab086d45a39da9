"""Which endpoint a request came to, and whether it may be there, without a server."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

import pytest

from hearth.accounts import Caller, Role
from hearth.deployments import PrivateAddresses, PrivateDeployment
from hearth.deployments.vpc import MODES
from hearth.errors import ModelNotFound
from hearth.gateway.http import Exchange
from hearth.gateway.networks import Networks, Senders
from hearth.gateway.private_endpoints import NOWHERE, Arrival, PrivateEndpoints
from tests.gateway.private import INSIDE, MODEL, host_of

NAME = "accounts/dev/deployments/vault"
HOST = host_of("vault")


@dataclass(frozen=True)
class Came:
    """A request, as far as an endpoint looks at it; see `Arrival`."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    lines: list[tuple[bytes, bytes]] = field(default_factory=list)
    peer_host: str | None = INSIDE
    local_port: int = 8686
    is_tls: bool = False


class Quiet:
    """Sees nothing; see `Watch`."""

    def refused(self, arrival: Arrival, caller: Caller, deployment: str, reason: str) -> None:
        pass


def endpoints_of(*deployments: PrivateDeployment) -> PrivateEndpoints:
    addresses = PrivateAddresses(domain="hearth.internal", ports=range(9001, 9003))
    endpoints = PrivateEndpoints(addresses, Senders(Networks()), Quiet())
    endpoints.refresh(deployments)
    return endpoints


def test_a_port_of_an_earlier_range_is_no_longer_a_deployments() -> None:
    kept = PrivateDeployment(name=NAME, base_model=MODEL, cidrs=(f"{INSIDE}/32",), port=9001)
    moved = PrivateDeployment(
        name=f"{NAME}-2", base_model=MODEL, cidrs=(f"{INSIDE}/32",), port=7001
    )
    endpoints = endpoints_of(kept, moved)

    assert endpoints.ports == {9001}
    found = endpoints.at(Came(local_port=9001))
    assert found is not None
    assert found.deployment is kept
    assert endpoints.at(Came(local_port=7001)) is None
    assert endpoints.at(Came(local_port=9002)) is NOWHERE


@pytest.mark.parametrize("peer", [None, "", "unix:"])
def test_a_peer_without_an_address_is_let_in_nowhere(peer: str | None) -> None:
    everybody = PrivateDeployment(name=NAME, base_model=MODEL, cidrs=("0.0.0.0/0", "::/0"))
    endpoints = endpoints_of(everybody)
    came = Came(headers={b"host": HOST.encode()}, peer_host=peer)
    endpoint = endpoints.at(came)
    caller = Caller(account_id="dev", user_id="dev", key_id="k", role=Role.ADMIN)

    assert endpoint is not None
    with pytest.raises(ModelNotFound):
        endpoints.admit(came, caller, endpoint, NAME)
    for address in (INSIDE, "::1", "::ffff:1.2.3.4", "fe80::1%eth0"):
        assert endpoints.admit(replace(came, peer_host=address), caller, endpoint, NAME) == NAME


@pytest.mark.parametrize("body", [b'{"model": "accounts/dev/deployments/vault"}', b"vault {"])
def test_what_names_a_silent_deployment_is_withheld_wherever_it_came(body: bytes) -> None:
    silent = PrivateDeployment(name=NAME, base_model=MODEL, cidrs=(), mode=MODES["hipaa"])
    endpoints = endpoints_of(silent)

    assert endpoints.withholds(Came(), body)
    assert endpoints.withholds(Came(headers={b"host": HOST.encode()}), b"")
    assert endpoints.withholds(Came(headers={b"host": b"x.private.hearth.internal"}), b"")
    assert not endpoints.withholds(Came(), b'{"model": "another"}')
    assert not endpoints_of().withholds(Came(), body)


class Line:
    """A connection that takes whatever is written; see `Peer`."""

    client, server, scheme, is_full = (INSIDE, 1), (INSIDE, 8686), "https", False

    def write(self, data: bytes) -> None:
        pass

    def answered(self, exchange: Exchange) -> None:
        pass

    def cut(self, exchange: Exchange) -> None:
        pass


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_fault_of_ours_tells_the_log_nothing_of_what_was_said(
    is_silent: bool, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = Exchange(Line(), "/chat/completions", [], may_persist=True, may_chunk=True)
    exchange.is_silent = is_silent
    said = "Grizelda has a cough"
    try:
        raise KeyError(said)
    except KeyError as error:
        with caplog.at_level(logging.ERROR):
            exchange.fail(error)

    assert (said in caplog.text) == (not is_silent)
    assert "KeyError" in caplog.text
    assert "test_private_arrivals.py" in caplog.text
