"""Requests that are under way while a test acts."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx

from tests.running import RunningHearth


def raw_post(hearth: RunningHearth, path: str, body: dict[str, Any]) -> socket.socket:
    """Send a request over a bare socket, whose end the test decides."""
    content = json.dumps(body).encode()
    connection = socket.create_connection(("127.0.0.1", hearth.port), timeout=10)
    head = (
        f"POST /v1{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n"
        f"Authorization: Bearer {hearth.credentials['api_key']}\r\n\r\n"
    )
    connection.sendall(head.encode() + content)
    return connection


def running_requests(hearth: RunningHearth) -> float:
    """What `/metrics` says of all engines together; a worker reports every two seconds."""
    page = httpx.get(f"{hearth.url}/metrics").text
    lines = [line for line in page.splitlines() if line.startswith("hearth_running_sequences{")]
    return sum(float(line.split()[-1]) for line in lines)
