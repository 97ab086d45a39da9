"""Networks as people write them, checked and in one form."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv6Network, ip_network

from hearth.errors import InvalidRequest

# Netmasks are refused: 0.0.0.255 could be meant either way.
_CIDR = re.compile(r"[0-9a-fA-F.:]+(/\d{1,3})?")
_MAPPED = IPv6Network("::ffff:0:0/96")


def checked_cidrs(given: Iterable[str]) -> list[str]:
    """The networks in their usual form, each once; a bare address is a network of one.

    Raises:
        InvalidRequest: one is no network, or has bits set behind its prefix; the message says
            what may have been meant.
    """
    checked = (_checked(text, f"ingressCidrs[{i}]") for i, text in enumerate(given))
    return list(dict.fromkeys(checked))


def _checked(text: str, param: str) -> str:
    try:
        if not _CIDR.fullmatch(text):
            raise ValueError
        network = ip_network(text, strict=False)
    except ValueError:
        raise InvalidRequest(
            f"{param}: {text[:80]!r} is no network; write it as 10.0.0.0/8 or fd00::/8.",
            param=param,
        ) from None
    try:
        ip_network(text)
    except ValueError:
        raise InvalidRequest(
            f"{param}: {text} has bits set behind its prefix; the network is {network}, "
            f"the address alone {text.partition('/')[0]}/{network.max_prefixlen}.",
            param=param,
        ) from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return str(ip_network(f"{mapped}/{network.prefixlen - 96}"))
    return str(network)
