"""A small HTTP server in the place of a model hub: redirects, ETags, ranges and accidents."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REPO = "org/tiny-GGUF"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WAIT_S = 30.0


@dataclass(frozen=True)
class Seen:
    """A request as it arrived, and how it was answered."""

    path: str
    headers: Message
    status: int


@dataclass
class Hub:
    """What the server holds and does; tests change it while it runs.

    `cut_after`: the next answers with content end after so many bytes, one entry an answer.
    `hold_after`: answers with content stop after so many bytes until `released`.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    commit: str = COMMIT
    token: str = ""
    has_weak_etags: bool = False
    lies_about_sums: bool = False
    ignores_ranges: bool = False
    claimed_bytes: int | None = None
    statuses: list[int] = field(default_factory=list)
    cut_after: list[int] = field(default_factory=list)
    hold_after: int | None = None
    redirect_to: str = ""
    holding: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    seen: list[Seen] = field(default_factory=list)

    def content_requests(self) -> list[Seen]:
        """The requests that asked for bytes of files."""
        return [seen for seen in self.seen if seen.path.startswith("/cdn/")]

    def file_url(self, name: str) -> str:
        """Where a file is without the hub's redirect."""
        return f"{self.url}/cdn/{name}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args: object) -> None:
        """Write nothing."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if self.hub.statuses:
            self._reply(self.hub.statuses.pop(0), {})
        elif self.hub.token and not path.startswith("/cdn/") and not self._is_authorised():
            self._reply(401, {})
        elif path.startswith("/api/models/"):
            self._listing(path)
        elif "/resolve/" in path:
            self._redirect(path.rpartition(f"/resolve/{self.hub.commit}/")[2])
        else:
            self._content(path.removeprefix("/cdn/"))

    def _is_authorised(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def _listing(self, path: str) -> None:
        if path != f"/api/models/{REPO}/revision/main":
            self._reply(404, {})
            return
        siblings = [
            {
                "rfilename": name,
                "size": len(content),
                "lfs": {"sha256": _sha256(content + b"!" * self.hub.lies_about_sums)},
            }
            for name, content in self.hub.files.items()
        ]
        body = json.dumps({"sha": self.hub.commit, "siblings": siblings}).encode()
        self._reply(200, {}, body)

    def _redirect(self, name: str) -> None:
        if name not in self.hub.files:
            self._reply(404, {})
            return
        linked = _sha256(self.hub.files[name])
        base = self.hub.redirect_to or self.hub.url
        self._reply(302, {"Location": f"{base}/cdn/{name}", "X-Linked-ETag": f'"{linked}"'})

    def _content(self, name: str) -> None:
        if name not in self.hub.files:
            self._reply(404, {})
            return
        content = self.hub.files[name]
        etag = f'{"W/" * self.hub.has_weak_etags}"{_sha256(content)[:16]}"'
        start = self._range_start(etag)
        if start >= len(content) > 0:
            self._reply(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        headers = {"ETag": etag}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._reply(206 if start else 200, headers, content[start:])

    def _range_start(self, etag: str) -> int:
        asked = self.headers.get("Range", "")
        if self.hub.ignores_ranges or not asked or self.headers.get("If-Range", etag) != etag:
            return 0
        return int(asked.removeprefix("bytes=").rstrip("-"))

    def _reply(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.hub.seen.append(Seen(self.path, self.headers, status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.path.endswith("/"):
            self.send_header("Content-Type", "text/html")  # what pip takes for an index
        self.send_header("Content-Length", str(self.hub.claimed_bytes or len(body)))
        self.end_headers()
        if status in (200, 206) and self.path.startswith("/cdn/"):
            self._send_with_accidents(body)
        else:
            self.wfile.write(body)

    def _send_with_accidents(self, body: bytes) -> None:
        if self.hub.cut_after:
            self.wfile.write(body[: self.hub.cut_after.pop(0)])
            self.close_connection = True
            return
        pause = len(body) if self.hub.hold_after is None else self.hub.hold_after
        try:
            self.wfile.write(body[:pause])
            if pause < len(body):
                self.hub.holding.set()
                self.hub.released.wait(WAIT_S)
            self.wfile.write(body[pause:])
        except OSError:
            self.close_connection = True  # the client was killed, as some tests want


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Serve a hub on loopback until the block ends."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        thread.join(WAIT_S)
        server.server_close()
