"""Uploads to a real server: slower than any request may be, killed and taken up again."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.catalog.weights import gguf_bytes
from tests.running import RunningHearth, running_hearth

TIMEOUT_S = 0.5
PIECE_BYTES = 32 * 1024

Json = dict[str, Any]


class Models:
    """The models of the dev account, as its key may change them."""

    def __init__(self, hearth: RunningHearth) -> None:
        self._url = f"{hearth.url}/v1/accounts/dev/models"
        self._key = hearth.credentials["api_key"]

    def make(self, model_id: str) -> None:
        """Make one that waits for its files."""
        self._ask("POST", "", {"modelId": model_id, "model": {}})

    def url(self, model_id: str, size: int) -> str:
        """Where its file goes."""
        body = {"filenameToSize": {"model.gguf": str(size)}, "enableResumableUpload": True}
        answer = self._ask("POST", f"/{model_id}:getUploadEndpoint", body)
        return str(answer["filenameToSignedUrls"]["model.gguf"])

    def validate(self, model_id: str) -> Json:
        """Make a model of the file; what it is then."""
        self._ask("GET", f"/{model_id}:validateUpload")
        return self.get(model_id)

    def get(self, model_id: str) -> Json:
        """What it is now."""
        return self._ask("GET", f"/{model_id}")

    def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        headers = {"authorization": f"Bearer {self._key}"}
        answer = httpx.request(method, self._url + path, json=body, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found


def slowly(content: bytes, seconds: float) -> Iterator[bytes]:
    """The content in pieces, over a span: what a slow line does, not what orders a test."""
    pieces = range(0, len(content), PIECE_BYTES)
    for start in pieces:
        time.sleep(seconds / len(pieces))
        yield content[start : start + PIECE_BYTES]


def answer_to_a_trickle(hearth: RunningHearth, url: str, size: int) -> bytes:
    """What a client hears that begins a file and then sends nothing."""
    target = url.removeprefix(hearth.url)
    with socket.create_connection(("127.0.0.1", hearth.port), timeout=30) as client:
        client.sendall(
            f"PUT {target} HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n1".encode()
        )
        return client.recv(1000)


def test_a_file_may_take_longer_than_a_body_may(tmp_path: Path) -> None:
    content = gguf_bytes(tmp_path, big=2500)
    with running_hearth(tmp_path / "home", body_timeout_s=str(TIMEOUT_S)) as hearth:
        models = Models(hearth)
        models.make("slow")
        url = models.url("slow", len(content))
        headers = {"content-length": str(len(content))}
        answer = httpx.put(url, content=slowly(content, 4 * TIMEOUT_S), headers=headers)
        trickle = answer_to_a_trickle(hearth, url, len(content))

        assert answer.status_code == 200, answer.text
        assert models.validate("slow")["state"] == "READY"
        assert trickle.startswith(b"HTTP/1.1 408 ")


def test_an_upload_goes_on_after_the_server_was_killed(tmp_path: Path) -> None:
    content = gguf_bytes(tmp_path, big=2500)
    half = len(content) // 2
    total = len(content)
    hearth = RunningHearth(tmp_path / "home").wait_ready()
    try:
        models = Models(hearth)
        models.make("mine")
        url = models.url("mine", total)
        first = {"content-range": f"bytes 0-{half - 1}/{total}"}
        begun = httpx.put(url, content=content[:half], headers=first)
    finally:
        hearth.kill()

    with running_hearth(tmp_path / "home") as again:
        models = Models(again)
        waiting = models.get("mine")
        url = models.url("mine", total)
        asked = httpx.put(url, headers={"content-range": f"bytes */{total}"})
        rest = {"content-range": f"bytes {half}-{total - 1}/{total}"}
        ended = httpx.put(url, content=content[half:], headers=rest)
        model = models.validate("mine")
        with again.client() as api:
            listed = [each["id"] for each in api.get("/models").json()["data"]]

    assert begun.status_code == asked.status_code == 308
    assert asked.headers["range"] == f"bytes=0-{half - 1}"
    assert waiting["state"] == "UPLOADING"
    assert ended.status_code == 200
    assert model["state"] == "READY"
    assert model["name"] in listed
