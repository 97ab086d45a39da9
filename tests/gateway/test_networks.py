"""Where a request comes from, and whether its networks let it in."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.gateway.networks import Address, Networks, Senders, parse_address

_ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6)


@st.composite
def cidrs(draw: st.DrawFn) -> str:
    address = draw(_ADDRESSES)
    length = draw(st.integers(0, address.max_prefixlen))
    return str(ipaddress.ip_network((address, length), strict=False))


@given(st.lists(cidrs(), max_size=8), st.lists(_ADDRESSES, max_size=4))
def test_an_address_lies_in_the_networks_exactly_where_the_standard_library_says_so(
    networks: list[str], addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address]
) -> None:
    ours = Networks(networks)
    theirs = [ipaddress.ip_network(each) for each in networks]
    edges = [edge for n in theirs for edge in (n.network_address, n.broadcast_address)]
    near = [edge + step for edge in edges for step in (-1, 1) if 0 < int(edge) + step < 2**32]

    for address in [*addresses, *edges, *near]:
        normal = getattr(address, "ipv4_mapped", None) or address
        parsed = parse_address(str(address))
        assert parsed is not None
        assert (parsed in ours) == any(normal in network for network in theirs)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("::ffff:a01:203", True),
        ("fd00::7", True),
        ("fd00::7%eth0", True),
        ("11.0.0.1", False),
        ("::10.1.2.3", False),
        ("fe80::1%eth0", False),
        ("64:ff9b::10.1.2.3", False),
    ],
)
def test_an_ipv4_address_in_ipv6_form_and_a_zone_change_nothing(text: str, inside: bool) -> None:
    address = parse_address(text)

    assert address is not None
    assert (address in Networks(["10.0.0.0/8", "fd00::/8"])) == inside


@pytest.mark.parametrize("text", ["", "localhost", "10.1.2", "010.1.2.3", "10.1.2.3/8", "1.2.3.4 "])
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


def test_no_networks_let_nobody_in() -> None:
    assert not Networks()
    assert Address(4, 0) not in Networks()
    assert Address(6, 1) not in Networks(["0.0.0.0/0"])


PROXIES = Senders(Networks(["192.0.2.0/28", "2001:db8::/64"]))


def senders(peer: str | None, *lines: tuple[str, str]) -> list[str] | None:
    headers = [(name.lower().encode(), value.encode()) for name, value in lines]
    found = PROXIES.of(peer, headers)
    if found is None:
        return None
    kinds = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}
    return [str(kinds[version](number)) for version, number in found]


FOR, FORWARDED = "X-Forwarded-For", "Forwarded"


@pytest.mark.parametrize(
    ("peer", "lines", "expected"),
    [
        # Who is not trusted speaks for itself, whatever it writes.
        ("198.51.100.7", [], ["198.51.100.7"]),
        ("198.51.100.7", [(FOR, "10.0.0.1")], ["198.51.100.7"]),
        ("198.51.100.7", [(FORWARDED, "for=10.0.0.1")], ["198.51.100.7"]),
        # A trusted proxy speaks for who spoke to it.
        ("192.0.2.1", [(FOR, "10.0.0.1")], ["10.0.0.1"]),
        ("::ffff:192.0.2.1", [(FOR, "10.0.0.1")], ["10.0.0.1"]),
        ("2001:db8::1", [(FOR, "fd00::1")], ["fd00::1"]),
        ("192.0.2.1", [(FOR, "10.0.0.1:4711")], ["10.0.0.1"]),
        ("192.0.2.1", [(FOR, "[fd00::1]:4711")], ["fd00::1"]),
        ("192.0.2.1", [(FORWARDED, 'for="[fd00::1]:4711";proto=https')], ["fd00::1"]),
        ("192.0.2.1", [(FORWARDED, "For=10.0.0.1;by=192.0.2.1")], ["10.0.0.1"]),
        # What the client wrote in front of it does not count.
        ("192.0.2.1", [(FOR, "10.0.0.1, 198.51.100.7")], ["198.51.100.7"]),
        ("192.0.2.1", [(FOR, "10.0.0.1"), (FOR, "198.51.100.7")], ["198.51.100.7"]),
        ("192.0.2.1", [(FORWARDED, "for=10.0.0.1, for=198.51.100.7")], ["198.51.100.7"]),
        # Trusted proxies in a row, over any number of lines.
        ("192.0.2.1", [(FOR, "198.51.100.7, 192.0.2.9")], ["198.51.100.7"]),
        ("192.0.2.1", [(FOR, "198.51.100.7"), (FOR, "192.0.2.9")], ["198.51.100.7"]),
        ("192.0.2.1", [(FOR, "192.0.2.8, 192.0.2.9")], ["192.0.2.8"]),
        # With both headers, one of which may be forged, both must be let in.
        (
            "192.0.2.1",
            [(FOR, "198.51.100.7"), (FORWARDED, "for=10.0.0.1")],
            ["198.51.100.7", "10.0.0.1"],
        ),
        # Nobody can tell.
        (None, [], None),
        ("", [], None),
        ("192.0.2.1", [], None),
        ("192.0.2.1", [(FOR, "")], None),
        ("192.0.2.1", [(FOR, "10.0.0.1, unknown")], None),
        ("192.0.2.1", [(FOR, "unknown, 10.0.0.1")], None),
        ("192.0.2.1", [(FOR, "10.0.0.1,")], None),
        ("192.0.2.1", [(FOR, "10.0.0.1%eth0")], None),
        ("192.0.2.1", [(FOR, ", ".join(["10.0.0.1"] * 40))], None),
        ("192.0.2.1", [(FORWARDED, "for=unknown")], None),
        ("192.0.2.1", [(FORWARDED, "proto=https")], None),
        ("192.0.2.1", [(FORWARDED, "for=10.0.0.1;for=10.0.0.2")], None),
        ("192.0.2.1", [(FORWARDED, 'for="10.0.0.1')], None),
        ("192.0.2.1", [(FOR, "10.0.0.1"), (FORWARDED, "for=_hidden")], None),
    ],
)
def test_the_rightmost_hop_that_is_not_trusted_is_the_sender(
    peer: str | None, lines: list[tuple[str, str]], expected: list[str] | None
) -> None:
    assert senders(peer, *lines) == expected


@pytest.mark.parametrize(
    ("peer", "lines", "is_tls", "expected"),
    [
        ("192.0.2.1", [("X-Forwarded-Proto", "https")], False, True),
        ("192.0.2.1", [(FORWARDED, "for=10.0.0.1;proto=https")], False, True),
        ("192.0.2.1", [], True, False),
        ("192.0.2.1", [("X-Forwarded-Proto", "http")], True, False),
        ("192.0.2.1", [("X-Forwarded-Proto", "https, http")], False, False),
        ("192.0.2.1", [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")], True, False),
        ("192.0.2.1", [("X-Forwarded-Proto", "https"), (FORWARDED, "proto=http")], True, False),
        ("192.0.2.1", [(FORWARDED, "proto=https, for=10.0.0.1")], False, False),
        ("198.51.100.7", [], True, True),
        ("198.51.100.7", [("X-Forwarded-Proto", "http")], True, True),
        ("198.51.100.7", [("X-Forwarded-Proto", "https")], False, False),
        (None, [("X-Forwarded-Proto", "https")], False, False),
    ],
)
def test_only_a_trusted_proxy_can_say_that_its_client_spoke_tls(
    peer: str | None, lines: list[tuple[str, str]], is_tls: bool, expected: bool
) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in lines]

    assert PROXIES.is_secure(peer, headers, is_tls=is_tls) == expected
