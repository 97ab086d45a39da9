"""A terminal to type `firectl` into, and the outside world that it talks to."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hearth.firectl.main import main
from hearth.firectl.screen import Screen

KEY = "fw_test_key_of_the_tests"
ACCOUNT = "dev"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a command line ended."""

    status: int
    out: str
    err: str

    @property
    def body(self) -> Any:
        """The JSON of the output, or of the request that a dry run printed."""
        text = self.out
        return json.loads(text if text[:1] in "[{" else text.partition("\n")[2])

    @property
    def request(self) -> str:
        """The method and address of a dry run."""
        return self.out.partition("\n")[0]


class Live(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def typed(*words: str, live: bool = False) -> Ran:
    """Type words at a terminal; `live` makes a person watch the standard error."""
    out, err = io.StringIO(), Live() if live else io.StringIO()
    status = main(list(words), Screen(out, err))
    return Ran(status=status, out=out.getvalue(), err=err.getvalue())


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    data: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.data)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What to answer."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class World:
    """An HTTP server that answers as told and remembers what it was asked.

    Replies to one method and path are given in turn; the last one is given for ever.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._replies: dict[tuple[str, str], list[Reply]] = {}
        self.on("GET", "/verifyApiKey", Reply(headers={"x-fireworks-account-id": ACCOUNT}))
        self.url = ""

    def on(self, method: str, path: str, *replies: Reply) -> None:
        """Give these replies; a path that begins with a collection is the dev account's."""
        path = path if path.startswith("/") else f"/v1/accounts/{ACCOUNT}/{path}"
        self._replies[method, path] = list(replies)

    def answer(self, request: Received) -> Reply:
        self.received.append(request)
        replies = self._replies.get((request.method, request.path))
        if replies is None:
            error = {"message": f"There is no {request.path}.", "code": "NOT_FOUND"}
            return Reply(status=404, body={"code": 5, "message": error["message"], "error": error})
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def last(self, method: str) -> Received:
        """The last request of a method."""
        return next(each for each in reversed(self.received) if each.method == method)


@contextmanager
def running_world() -> Iterator[World]:
    """Serve a world on a free port of this machine."""
    world = World()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            request = Received(
                method=self.command,
                path=parts.path,
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                data=self.rfile.read(size),
            )
            reply = world.answer(request)
            raw = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            kind = (
                "application/octet-stream" if isinstance(reply.body, bytes) else "application/json"
            )
            self.send_response(reply.status)
            for name, value in ({"Content-Type": kind} | reply.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815  # http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    world.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
