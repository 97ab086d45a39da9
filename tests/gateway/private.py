"""Private deployments in running Hearths, and clients from several addresses of this machine."""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.running import RunningHearth, free_port, running_hearth

INSIDE, OUTSIDE, PROXY = "127.0.0.1", "127.0.0.2", "127.0.0.9"
MODEL = "llama-v3p1-8b-instruct"
ACCOUNT = "/v1/accounts/dev"
WITHIN_S = 1.0

Json = dict[str, Any]


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that signs itself, for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hearth")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(INSIDE))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


class PrivateHearth:
    """A running Hearth, as its operator and as callers from anywhere see it."""

    def __init__(self, hearth: RunningHearth, certificate: Path | None, ports: range) -> None:
        self.hearth = hearth
        self.ports = ports
        self.scheme = "http" if certificate is None else "https"
        self._verify: ssl.SSLContext | bool = True
        if certificate is not None:
            self._verify = ssl.create_default_context(cafile=certificate)

    def client(
        self, address: str = INSIDE, *, port: int = 0, host: str = "", key: str = ""
    ) -> httpx.Client:
        """A client at an address of this machine.

        Args:
            address: where it is.
            port: where it connects to; 0: everybody's port.
            host: what it calls the server.
            key: its key; empty: the dev account's.
        """
        headers = {"authorization": f"Bearer {key or self.hearth.credentials['api_key']}"}
        if host:
            headers["host"] = host
        return httpx.Client(
            base_url=f"{self.scheme}://{INSIDE}:{port or self.hearth.port}",
            transport=httpx.HTTPTransport(local_address=address, verify=self._verify),
            headers=headers,
            timeout=20,
        )

    def ask(
        self, text: str, where: httpx.Client, model: str = MODEL, **change: Any
    ) -> httpx.Response:
        """One chat completion."""
        body = {
            "model": model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": 8,
            **change,
        }
        return where.post("/v1/chat/completions", json=body)

    def make_group(self, group_id: str, *cidrs: str) -> None:
        """Define a security group."""
        with self.client() as api:
            made = api.post(
                f"{ACCOUNT}/securityGroups",
                params={"securityGroupId": group_id},
                json={"ingressCidrs": list(cidrs)},
            )
        assert made.status_code == 200, made.text

    def deploy(self, deployment_id: str, **vpc: Any) -> Json:
        """Make a private deployment and wait until it is ready and every gateway knows it."""
        body = {"baseModel": MODEL, "minReplicaCount": 1, "vpc": vpc}
        path = f"{ACCOUNT}/deployments"
        with self.client() as api:
            made = api.post(path, params={"deploymentId": deployment_id}, json=body)
            assert made.status_code == 200, made.text
            eventually(
                lambda: api.get(f"{path}/{deployment_id}").json()["state"] == "READY", limit_s=20
            )
            found: Json = api.get(f"{path}/{deployment_id}").json()
        return found

    def files(self) -> Iterator[Path]:
        """Everything in the home."""
        return (path for path in self.hearth.home.rglob("*") if path.is_file())


def host_of(deployment_id: str) -> str:
    """What a deployment of the dev account is called."""
    return f"{deployment_id}.dev.private.hearth.internal"


def eventually(holds: Callable[[], bool], *, limit_s: float = WITHIN_S) -> None:
    """Wait until something holds; fails when that takes too long."""
    end_s = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end_s, "it did not come to hold in time"
        time.sleep(0.02)


def _free_ports(count: int) -> range:
    """So many in a row that nobody listens on or connects from."""
    while True:
        ports = range(first := free_port(), first + count)
        if all(map(_is_free, ports)):
            return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


@contextmanager
def private_hearth(home: Path, *, is_tls: bool, **settings: str) -> Iterator[PrivateHearth]:
    """One with private ports, and proxies that it trusts."""
    ports = _free_ports(4)
    settings |= {"private_ports": f"{ports[0]}-{ports[-1]}", "trusted_proxies": f"{PROXY}/32"}
    certificate = None
    if is_tls:
        certificate, key = write_certificate(home.with_name("tls"))
        settings |= {"tls_cert": str(certificate), "tls_key": str(key)}
    with running_hearth(home, **settings) as hearth:
        hearth.output = deque(hearth.output)  # all of it
        yield PrivateHearth(hearth, certificate, ports)
