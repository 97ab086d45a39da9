"""Where a request comes from, and whether that lies in the networks that are let in.

The address of the connection counts. What headers say counts only where the connection comes from
a proxy that the operator trusts, and there from the right: each trusted proxy adds who spoke to it,
whatever stands further left was written by somebody else.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from typing import NamedTuple

RawHeaders = Iterable[tuple[bytes, bytes]]

_MAX_HOPS = 32
_HOP = re.compile(r"\[([0-9a-fA-F:.]+)\](?::\d{1,5})?|([0-9.]+)(?::\d{1,5})?|([0-9a-fA-F:.]+)")
"An address as proxies write it: bare, or with its port, IPv6 then in brackets."
_PAIR = re.compile(r'\s*([A-Za-z-]+)=("([^"\\]*)"|[^\s";,=]+)\s*')


class Address(NamedTuple):
    """An IP address; an IPv4 address written as IPv6 is the IPv4 address."""

    version: int
    number: int


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """The address of a socket's peer; a zone (`%eth0`) says nothing of where it is. None: it is
    no address."""
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    parsed = mapped or parsed
    return Address(parsed.version, int(parsed))


def written(addresses: Sequence[Address] | None) -> str:
    """Addresses for people to read; `unknown` where nobody can tell."""
    forms = {4: IPv4Address, 6: IPv6Address}
    return ", ".join(str(forms[each.version](each.number)) for each in addresses or ()) or "unknown"


class Networks:
    """A set of networks, merged and sorted once, in which an address is found by bisection.

    Args:
        cidrs: as `checked_cidrs` of security groups gives them.

    Raises:
        ValueError: one is no network.
    """

    def __init__(self, cidrs: Iterable[str] = ()) -> None:
        networks = [ip_network(cidr) for cidr in cidrs]
        self._ranges = {
            4: _ranges(collapse_addresses(n for n in networks if isinstance(n, IPv4Network))),
            6: _ranges(collapse_addresses(n for n in networks if isinstance(n, IPv6Network))),
        }

    def __bool__(self) -> bool:
        """Whether any address lies in it."""
        return any(starts for starts, _ in self._ranges.values())

    def __contains__(self, address: Address) -> bool:
        starts, ends = self._ranges[address.version]
        at = bisect_right(starts, address.number) - 1
        return at >= 0 and address.number <= ends[at]


def _ranges(networks: Iterable[IPv4Network | IPv6Network]) -> tuple[list[int], list[int]]:
    pairs = sorted((int(n.network_address), int(n.broadcast_address)) for n in networks)
    return [start for start, _ in pairs], [end for _, end in pairs]


class Senders:
    """Says who really sends a request.

    Args:
        trusted: the proxies whose headers are believed.
    """

    def __init__(self, trusted: Networks) -> None:
        self._trusted = trusted

    def of(self, peer: str | None, headers: RawHeaders) -> Sequence[Address] | None:
        """Every address that the request says it comes from: all of them must be let in.

        That is one, or two where a proxy sent both `X-Forwarded-For` and `Forwarded`: a proxy
        that keeps one of them may pass on the other as a client wrote it.

        Args:
            peer: the address of the connection; None: it has none, as on a Unix socket.

        Returns:
            None where nobody can tell: no address, a malformed header, or a trusted proxy that
            does not say for whom it speaks.
        """
        address = None if peer is None else parse_address(peer)
        if address is None:
            return None
        if address not in self._trusted:
            return (address,)
        chains = [chain for chain in (_listed(headers), _forwarded(headers)) if chain != []]
        if not chains:
            return None
        senders = [None if chain is None else self._first_untrusted(chain) for chain in chains]
        told = [sender for sender in senders if sender is not None]
        return told if len(told) == len(senders) else None

    def is_secure(self, peer: str | None, headers: RawHeaders, *, is_tls: bool) -> bool:
        """Whether the sender spoke TLS: to us, or to the trusted proxy that says so.

        Args:
            peer: see `of`.
            headers: see `of`.
            is_tls: whether the connection itself speaks it; a proxy's says nothing of its clients.
        """
        address = None if peer is None else parse_address(peer)
        if address is None or address not in self._trusted:
            return is_tls
        protos = [part.strip().lower() for part in _values(headers, b"x-forwarded-proto")]
        protos += [pair.get("proto", "").lower() for pair in _elements(headers)[-1:] if pair]
        return bool(protos) and all(proto == "https" for proto in protos)

    def _first_untrusted(self, chain: Sequence[Address]) -> Address:
        """The rightmost hop that is none of ours; the first one if all are."""
        for address in reversed(chain):
            if address not in self._trusted:
                return address
        return chain[0]


def _values(headers: RawHeaders, name: bytes) -> list[str]:
    """The parts of a header that lists things, in order, over all of its lines."""
    lines = [value.decode("latin-1") for key, value in headers if key == name]
    return ",".join(lines).split(",") if lines else []


def _listed(headers: RawHeaders) -> list[Address] | None:
    """The hops of `X-Forwarded-For`; empty without it, None where one is no address."""
    return _addresses(_values(headers, b"x-forwarded-for"))


def _forwarded(headers: RawHeaders) -> list[Address] | None:
    """The hops of `Forwarded` (RFC 7239), in the same way."""
    return _addresses(["" if e is None else e.get("for", "") for e in _elements(headers)])


def _addresses(hops: Sequence[str]) -> list[Address] | None:
    if len(hops) > _MAX_HOPS:
        return None
    found = []
    for hop in hops:
        match = _HOP.fullmatch(hop.strip())
        address = parse_address(match[match.lastindex or 0]) if match else None
        if address is None:
            return None
        found.append(address)
    return found


def _elements(headers: RawHeaders) -> list[dict[str, str] | None]:
    """The elements of `Forwarded`, each as its pairs; None where one is malformed."""
    return [_pairs(element) for element in _values(headers, b"forwarded")]


def _pairs(element: str) -> dict[str, str] | None:
    pairs: dict[str, str] = {}
    for part in element.split(";"):
        match = _PAIR.fullmatch(part)
        if match is None or match[1].lower() in pairs:
            return None
        pairs[match[1].lower()] = match[2] if match[3] is None else match[3]
    return pairs
