"""What one connection may carry: several requests, old and odd forms of them, and its end."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.test_chat import ASK
from tests.running import RunningHearth, running_hearth

PATH = "/v1/chat/completions"


@contextmanager
def connected(hearth: RunningHearth) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", hearth.port), timeout=20) as connection:
        yield connection


def head(hearth: RunningHearth, *lines: str, version: str = "1.1") -> bytes:
    key = hearth.credentials["api_key"]
    first = (f"POST {PATH} HTTP/{version}", "Host: x", f"Authorization: Bearer {key}")
    return "\r\n".join((*first, *lines, "", "")).encode()


def ask(hearth: RunningHearth, *lines: str, version: str = "1.1", **change: Any) -> bytes:
    body = json.dumps(ASK | change).encode()
    return head(hearth, f"Content-Length: {len(body)}", *lines, version=version) + body


def read_answer(connection: socket.socket, method: str = "POST") -> tuple[HTTPResponse, bytes]:
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response, response.read()


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other end closes."""
    received = bytearray()
    while piece := connection.recv(1 << 16):
        received += piece
    return bytes(received)


def test_one_connection_serves_both_planes_in_turn(hearth: RunningHearth) -> None:
    with connected(hearth) as connection:
        for _ in range(3):
            connection.sendall(ask(hearth))
            assert json.loads(read_answer(connection)[1])["choices"]
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert read_answer(connection, "GET")[0].status == 200
            connection.sendall(ask(hearth, stream=True))
            assert read_answer(connection)[1].endswith(b"data: [DONE]\n\n")


def test_a_request_may_come_byte_by_byte(hearth: RunningHearth) -> None:
    with connected(hearth) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in ask(hearth):
            connection.sendall(bytes([byte]))

        assert read_answer(connection)[0].status == 200


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("follower", ["hot", "cold", "garbage"])
def test_what_is_sent_ahead_never_mixes_with_the_answer(
    hearth: RunningHearth, stream: bool, follower: str
) -> None:
    ahead = {
        "hot": ask(hearth),
        "cold": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "garbage": b"\0\1\2\3\r\n\r\n",
    }
    with connected(hearth) as connection:
        connection.sendall(ask(hearth, stream=stream) + ahead[follower])

        response, body = read_answer(connection)

        assert response.status == 200
        assert body.endswith(b"data: [DONE]\n\n") if stream else json.loads(body)["choices"]
        assert connection.recv(1) == b""


def test_cold_requests_sent_ahead_are_answered_in_order(hearth: RunningHearth) -> None:
    get = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(hearth) as connection:
        connection.sendall(get % b"/healthz" + get % b"/nothing" + get % b"/healthz")
        with connection.makefile("rb") as stream:
            statuses = []
            for _ in range(3):
                statuses.append(int(stream.readline().split()[1]))
                length = 0
                while (line := stream.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                stream.read(length)

    assert statuses == [200, 404, 200]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("form", ["Connection: close", "1.0"])
def test_a_last_request_is_answered_whole_and_the_connection_closed(
    hearth: RunningHearth, stream: bool, form: str
) -> None:
    is_old = form == "1.0"
    with connected(hearth) as connection:
        lines = [] if is_old else [form]
        connection.sendall(ask(hearth, *lines, version="1.0" if is_old else "1.1", stream=stream))

        answer = read_all(connection)

    top, _, body = answer.partition(b"\r\n\r\n")
    assert b" 200 OK" in top.split(b"\r\n")[0]
    assert b"connection: close" in top
    assert (b"transfer-encoding" in top) == (stream and not is_old)
    if stream:
        assert body.rstrip(b"0\r\n").endswith(b"data: [DONE]")
    else:
        assert json.loads(body)["choices"]


def test_a_body_may_come_in_chunks(hearth: RunningHearth) -> None:
    body = json.dumps(ASK).encode()
    with connected(hearth) as connection:
        connection.sendall(head(hearth, "Transfer-Encoding: chunked"))
        for i in range(0, len(body), 7):
            piece = body[i : i + 7]
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.sendall(b"0\r\n\r\n")

        assert read_answer(connection)[0].status == 200


def test_a_client_that_waits_for_consent_gets_it(hearth: RunningHearth) -> None:
    body = json.dumps(ASK).encode()
    with connected(hearth) as connection:
        connection.sendall(head(hearth, f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)

        assert read_answer(connection)[0].status == 200


@pytest.mark.parametrize(("length", "key", "status"), [(10**9, "", 413), (10, "wrong", 401)])
def test_a_client_that_waits_for_consent_is_refused_before_it_sends(
    hearth: RunningHearth, length: int, key: str, status: int
) -> None:
    asking = head(hearth, f"Content-Length: {length}", "Expect: 100-continue")
    if key:
        asking = asking.replace(hearth.credentials["api_key"].encode(), key.encode())
    with connected(hearth) as connection:
        connection.sendall(asking)

        response, body = read_answer(connection)

        assert response.status == status
        assert json.loads(body)["request_id"] == response.headers["x-request-id"]
        assert response.headers["connection"] == "close"


def test_a_target_may_be_escaped_absolute_or_carry_a_query(hearth: RunningHearth) -> None:
    for target in ("/v1/chat%2Fcompletions", f"http://x{PATH}", f"{PATH}?a=1"):
        with connected(hearth) as connection:
            connection.sendall(ask(hearth).replace(PATH.encode(), target.encode(), 1))
            assert read_answer(connection)[0].status == 200, target


def test_a_shutdown_lets_answers_end_and_closes_idle_connections(tmp_path: Path) -> None:
    with running_hearth(tmp_path) as hearth:
        with connected(hearth) as idle, connected(hearth) as busy:
            idle.sendall(ask(hearth))
            read_answer(idle)
            busy.sendall(ask(hearth, stream=True, max_tokens=300, ignore_eos=True))
            begun = busy.recv(10)
            hearth.process.send_signal(signal.SIGINT)

            assert idle.recv(1) == b""
            assert (begun + read_all(busy)).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert hearth.process.wait(20) == 0


def test_bodies_are_logged_when_asked_for_and_keys_never(tmp_path: Path) -> None:
    with running_hearth(tmp_path, log_requests="true") as hearth:
        with connected(hearth) as connection:
            connection.sendall(ask(hearth, user="a-user-to-find", stream=True))
            answer = read_answer(connection)[0].headers["x-request-id"]
        key = hearth.credentials["api_key"]
        assert hearth.stop() == 0

    lines = [line for line in hearth.output if answer in line]
    assert any("a-user-to-find" in line and "[REDACTED]" in line for line in lines)
    assert any("[DONE]" in line for line in lines)
    assert not any(key in line for line in lines)
