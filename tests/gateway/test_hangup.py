"""A client that leaves frees the engine; a client that dawdles is cut."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway.test_chat import ASK
from tests.running import RunningHearth, running_hearth

ENDLESS = ASK | {"max_tokens": 900_000, "ignore_eos": True}


@pytest.fixture(scope="module")
def one_slot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    """A Hearth whose engine works on one sequence at a time, so that a leak would block it."""
    home = tmp_path_factory.mktemp("one-slot")
    with running_hearth(home, engine_slots="1", body_timeout_s="0.5", max_body_bytes="4096") as it:
        yield it


def raw_request(hearth: RunningHearth, body: dict[str, Any]) -> socket.socket:
    """Send a request over a bare socket, whose end the test decides."""
    content = json.dumps(body).encode()
    connection = socket.create_connection(("127.0.0.1", hearth.port), timeout=10)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n"
        f"Authorization: Bearer {hearth.credentials['api_key']}\r\n\r\n"
    )
    connection.sendall(head.encode() + content)
    return connection


def running_sequences(hearth: RunningHearth) -> float:
    """What `/metrics` says of the engine; a worker reports every two seconds."""
    for line in httpx.get(f"{hearth.url}/metrics").text.splitlines():
        if line.startswith("hearth_running_sequences{"):
            return float(line.split()[-1])
    return 0.0


def wait_until_running(hearth: RunningHearth) -> None:
    """Wait until the engine works on something."""
    deadline = time.monotonic() + 10
    while running_sequences(hearth) == 0:
        assert time.monotonic() < deadline, "nothing was generated"


def test_hanging_up_a_stream_frees_the_engine_for_the_next(one_slot: RunningHearth) -> None:
    with one_slot.client() as api:
        for _ in range(20):
            with raw_request(one_slot, ENDLESS | {"stream": True}) as connection:
                assert b"200 OK" in connection.recv(1000)

        assert api.post("/chat/completions", json=ASK).status_code == 200


def test_hanging_up_a_plain_call_frees_the_engine_for_the_next(one_slot: RunningHearth) -> None:
    with one_slot.client() as api:
        for _ in range(20):
            raw_request(one_slot, ENDLESS).close()

        assert api.post("/chat/completions", json=ASK).status_code == 200


def test_a_request_that_waits_for_its_slot_can_be_left_too(one_slot: RunningHearth) -> None:
    with raw_request(one_slot, ENDLESS | {"stream": True}) as first:
        first.recv(1000)
        for _ in range(5):
            raw_request(one_slot, ENDLESS).close()

    with one_slot.client() as api:
        assert api.post("/chat/completions", json=ASK).status_code == 200


def test_a_slow_reader_gets_every_token_and_holds_up_nobody(one_slot: RunningHearth) -> None:
    body = ASK | {"max_tokens": 30_000, "ignore_eos": True, "stream": True}
    with raw_request(one_slot, body) as slow:
        slow.recv(100)  # then read nothing while the engine goes on
        with one_slot.client() as api:
            assert api.post("/chat/completions", json=ASK).status_code == 200

        received = bytearray()
        while b"[DONE]" not in received[-400:]:
            received += slow.recv(1 << 16)
    last = received.rsplit(b"data: {", 1)[1].split(b"\n", 1)[0]
    usage = json.loads(b"{" + last)["usage"]
    assert usage["completion_tokens"] == 30_000


def test_a_large_body_is_413(one_slot: RunningHearth) -> None:
    with one_slot.client() as api:
        response = api.post("/chat/completions", content=b" " * 5000)

        assert response.status_code == 413
        assert response.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"


def test_a_large_body_without_a_length_is_413(one_slot: RunningHearth) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(10):
            yield b" " * 1000

    with one_slot.client() as api:
        assert api.post("/chat/completions", content=pieces()).status_code == 413


def test_a_body_that_does_not_arrive_is_408(one_slot: RunningHearth) -> None:
    key = one_slot.credentials["api_key"]
    with socket.create_connection(("127.0.0.1", one_slot.port), timeout=10) as connection:
        connection.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
            f"Authorization: {key}\r\n\r\n{{".encode()
        )
        assert b" 408 " in connection.recv(1000).split(b"\r\n")[0]


def test_a_head_without_end_is_cut(one_slot: RunningHearth) -> None:
    with socket.create_connection(("127.0.0.1", one_slot.port), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        sent = 0
        try:
            while sent < 10_000_000:
                sent += connection.send(b"X-Filler: " + b"a" * 1000 + b"\r\n")
        except ConnectionError:
            pass  # reset or broken pipe, as the kernel likes

    assert sent < 10_000_000
    assert httpx.get(f"{one_slot.url}/healthz").status_code == 200


def test_a_head_that_trickles_is_cut(one_slot: RunningHearth) -> None:
    with socket.create_connection(("127.0.0.1", one_slot.port), timeout=20) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")

        assert connection.recv(1000) == b""  # closed by the gateway, within the socket's limit


@pytest.mark.parametrize("stream", [False, True])
def test_a_killed_worker_ends_its_requests_with_an_error_and_the_next_one_works(
    tmp_path: Path, stream: bool
) -> None:
    with running_hearth(tmp_path) as hearth, hearth.client() as api:
        (worker,) = hearth.worker_pids()
        with raw_request(hearth, ENDLESS | {"stream": stream}) as connection:
            if stream:
                connection.recv(1000)
            else:
                wait_until_running(hearth)
            os.kill(worker, signal.SIGKILL)
            answer = bytearray()
            while not answer.endswith(b"0\r\n\r\n" if stream else b"}"):
                answer += connection.recv(1 << 16)
        killed_s = time.monotonic()

        again = api.post("/chat/completions", json=ASK)

        assert again.status_code == 200
        assert time.monotonic() - killed_s < 10
        if stream:
            last = json.loads(answer.rsplit(b"data: ", 1)[1].split(b"\n", 1)[0])
            assert last["error"]["message"]
            assert last["choices"] == []
            assert b"[DONE]" not in answer
        else:
            assert b"503" in answer.split(b"\r\n")[0]
        assert hearth.worker_pids() != [worker]
