"""One HTTP request and its response, each on a connection of its own to a Unix socket.

Closing the connection is how the server is told to stop. Everything is driven by the event loop's
readiness callbacks: no task, no stream object, one system call for a piece of the response.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

from hearth.engines.llm.llamacpp.http_response import BadResponse, ResponseParser

_READ_BYTES = 16 * 1024  # an event has 120; a buffer of 256 KiB was seen to cost 17 µs a read
_CONNECT_RETRY_S = 0.005  # the server's queue of unaccepted connections is full
_CONNECT_LIMIT_S = 10.0


class Receiver(Protocol):
    """What takes the response."""

    def on_message(self, message: bytes) -> None:
        """Take one event of a stream, or the whole body; only of responses with status 200."""
        ...

    def on_end(self, error: ExchangeError | None) -> None:
        """Learn, once, that nothing more comes; not called after `Exchange.close`."""
        ...


class ExchangeError(Exception):
    """The server refused, or the connection broke.

    Args:
        status: of HTTP; 0 where no response came.
        body: what the server said.
    """

    def __init__(self, message: str, *, status: int = 0, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


def post(path: str, body: bytes) -> bytes:
    """Return the bytes of a request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Exchange:
    """A request on its way; it starts at once.

    Args:
        path: of the server's socket.
        request: as `post` makes it.
        receiver: called from the event loop.
    """

    def __init__(self, path: str, request: bytes, receiver: Receiver) -> None:
        self._path = path
        self._unsent = memoryview(request)
        self._receiver = receiver
        self._parser = ResponseParser()
        self._loop = asyncio.get_running_loop()
        self._give_up_at = self._loop.time() + _CONNECT_LIMIT_S
        self._retry: asyncio.TimerHandle | None = None
        self._is_open = True
        self._is_connected = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._connect()

    def close(self) -> None:
        """Break off; nothing more is called."""
        if not self._is_open:
            return
        self._is_open = False
        if self._retry is not None:
            self._retry.cancel()
        if self._is_connected:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._socket.close()

    def _connect(self) -> None:
        self._retry = None
        try:
            self._socket.connect(self._path)
        except BlockingIOError:
            self._retry = self._loop.call_later(_CONNECT_RETRY_S, self._reconnect)
        except OSError as error:
            # The caller may still be constructing what takes the answer.
            self._loop.call_soon(self._end, ExchangeError(f"No connection: {error.strerror}."))
        else:
            self._is_connected = True
            self._loop.add_reader(self._socket, self._on_readable)
            self._on_writable()

    def _reconnect(self) -> None:
        if self._loop.time() > self._give_up_at:
            self._end(ExchangeError("No connection: the server does not accept any."))
        else:
            self._connect()

    def _on_writable(self) -> None:
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent = memoryview(b"")  # what can still be read tells why
        if self._unsent:
            self._loop.add_writer(self._socket, self._on_writable)
        else:
            self._loop.remove_writer(self._socket)

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
            messages = self._parser.feed(data)
        except BlockingIOError:
            return
        except (OSError, BadResponse) as error:
            self._end(ExchangeError(f"The connection broke: {error}"))
            return
        for message in messages:
            self._deliver(message)
            if not self._is_open:  # the receiver has closed us
                return
        if self._parser.is_complete:
            self._end(None)
        elif not data:
            self._end(ExchangeError("The connection ended before the response did."))

    def _deliver(self, message: bytes) -> None:
        status = self._parser.status
        if status == 200:
            self._receiver.on_message(message)
        else:
            self._end(ExchangeError("The server refused.", status=status, body=message))

    def _end(self, error: ExchangeError | None) -> None:
        if self._is_open:
            self.close()
            self._receiver.on_end(error)
