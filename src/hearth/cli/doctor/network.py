"""The address that the gateway listens on, and its certificate."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from hearth.cli.doctor.findings import Finding, fail, ok


def port(host: str, number: int, lock_holder: int | None) -> Finding:
    """Whether the address can be listened on, or is by the Hearth of this home.

    Args:
        host: as HEARTH_HOST.
        number: as HEARTH_PORT.
        lock_holder: the process of the Hearth that runs in this home.
    """
    address = f"{host}:{number}"
    try:
        family = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, number))
    except OSError as error:
        if lock_holder is not None:
            return ok("port", f"{address} is taken; the Hearth of this home runs")
        return fail(
            "port",
            f"cannot listen on {address}: {error.strerror or error}",
            "End what uses it, or choose another with HEARTH_PORT or HEARTH_HOST.",
        )
    return ok("port", f"{address} is free")


def tls(certificate: str, key: str) -> Finding:
    """Whether certificate and key can be read and belong together; none is fine on loopback."""
    if not certificate and not key:
        return ok("tls", "off: plain HTTP")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(certificate).expanduser(), Path(key).expanduser())
    except (OSError, ssl.SSLError) as error:  # SSLError is an OSError with its own words
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        return fail("tls", f"certificate and key cannot be used: {reason}", "Correct the files.")
    return ok("tls", "certificate and key belong together")
