"""Both planes over TLS: what holds for plain connections holds there, too."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path

import pytest

from hearth.app.private import addresses_of, senders_of, tls_of
from hearth.errors import SetupError
from hearth.gateway.server import tls_context
from hearth.settings import Settings
from tests.gateway.private import INSIDE, PrivateHearth, private_hearth, write_certificate

ASK = {"model": "smollm2-135m-instruct", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateHearth]:
    with private_hearth(tmp_path_factory.mktemp("tls") / "home", is_tls=True) as site:
        yield site


@contextmanager
def connected(site: PrivateHearth) -> Iterator[ssl.SSLSocket]:
    certificate = site.hearth.home.with_name("tls") / "cert.pem"
    context = ssl.create_default_context(cafile=certificate)
    with (
        socket.create_connection((INSIDE, site.hearth.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=INSIDE) as connection,
    ):
        yield connection


def ask(site: PrivateHearth, **change: object) -> bytes:
    body = json.dumps(ASK | change).encode()
    key = site.hearth.credentials["api_key"]
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def read_answer(connection: ssl.SSLSocket, method: str = "POST") -> tuple[int, bytes]:
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response.status, response.read()


def test_one_connection_serves_both_planes_in_turn(site: PrivateHearth) -> None:
    with connected(site) as connection:
        for _ in range(3):
            connection.sendall(ask(site))
            assert read_answer(connection)[0] == 200
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert read_answer(connection, "GET")[0] == 200
            connection.sendall(ask(site, stream=True))
            assert read_answer(connection)[1].endswith(b"data: [DONE]\n\n")


def test_a_request_may_be_large_or_come_byte_by_byte(site: PrivateHearth) -> None:
    with connected(site) as connection:
        connection.sendall(ask(site, user="x" * 3_000_000))
        assert read_answer(connection)[0] in (200, 400)
    with connected(site) as connection:
        for byte in ask(site):
            connection.sendall(bytes([byte]))
        assert read_answer(connection)[0] == 200


def test_a_slow_reader_gets_a_long_answer_whole(site: PrivateHearth) -> None:
    with connected(site) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(ask(site, stream=True, max_tokens=400, ignore_eos=True))
        status, answer = read_answer(connection)

    assert status == 200
    assert answer.endswith(b"data: [DONE]\n\n")


def test_a_client_that_leaves_midway_leaves_the_server_well(site: PrivateHearth) -> None:
    for _ in range(5):
        with connected(site) as connection:
            connection.sendall(ask(site, stream=True, max_tokens=5000))
            assert connection.recv(100)
    with connected(site) as connection:
        connection.sendall(ask(site))
        assert read_answer(connection)[0] == 200


def test_the_welcome_and_the_credentials_speak_of_https(site: PrivateHearth) -> None:
    said = "".join(site.hearth.output)

    assert f"https://{INSIDE}:{site.hearth.port}" in said
    assert site.hearth.credentials["base_url"].startswith("https://")


def test_files_that_do_not_fit_stop_the_start_in_one_line(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path / "one")
    _, other = write_certificate(tmp_path / "other")

    tls_context(certificate, key)
    for pair in ((certificate, other), (certificate, tmp_path / "absent"), (key, certificate)):
        with pytest.raises(SetupError, match="HEARTH_TLS_CERT"):
            tls_context(*pair)
    assert "\n" not in _refusal(certificate, other)


def test_a_domain_is_written_as_hosts_are_compared() -> None:
    addresses = addresses_of(Settings(private_domain="Corp.Example."))

    assert addresses.host_of("accounts/a/deployments/d") == "d.a.private.corp.example"


def _refusal(certificate: Path, key: Path) -> str:
    with pytest.raises(SetupError) as refused:
        tls_context(certificate, key)
    return str(refused.value)


@pytest.mark.parametrize(
    ("read", "settings", "words"),
    [
        (tls_of, Settings(tls_cert="cert.pem"), "belong together"),
        (addresses_of, Settings(private_ports="9000-8000"), "must be START-END"),
        (addresses_of, Settings(private_ports="8000-9000", port=8500), "without HEARTH_PORT"),
        (senders_of, Settings(trusted_proxies="10.0.0.1/8"), "HEARTH_TRUSTED_PROXIES"),
        (senders_of, Settings(trusted_proxies="10.0.0.0/8, proxy"), "HEARTH_TRUSTED_PROXIES"),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_the_remedy(
    read: Callable[[Settings], object], settings: Settings, words: str
) -> None:
    with pytest.raises(SetupError, match=words):
        read(settings)
