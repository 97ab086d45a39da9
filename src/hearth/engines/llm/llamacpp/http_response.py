"""Cuts the bytes of one HTTP/1.1 response into messages: events of a stream, or one body."""

from __future__ import annotations

_MAX_HEAD_BYTES = 16 * 1024


class BadResponse(Exception):
    """The bytes are no HTTP response we understand."""


class ResponseParser:
    """Fed with what arrives, gives back whole messages.

    A server-sent event is given as the bytes of its JSON value; comments are passed over. Any
    other body is given as one message, at its end.
    """

    def __init__(self) -> None:
        self.status = 0
        "0 until the head has arrived."
        self.is_complete = False
        self._rest = b""
        self._body = b""
        self._is_stream = False
        self._length: int | None = None
        "Of the body; None where it comes in chunks."

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that these bytes complete.

        Raises:
            BadResponse: the connection is of no further use.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if not self.status:
            head, found, body = data.partition(b"\r\n\r\n")
            if not found:
                return self._wait_for_head(data)
            self._read_head(head)
            data = body
        return self._unchunked(data) if self._length is None else self._measured(data)

    def _wait_for_head(self, data: bytes) -> list[bytes]:
        if len(data) > _MAX_HEAD_BYTES:
            raise BadResponse("The head of the response has no end.")
        self._rest = data
        return []

    def _read_head(self, head: bytes) -> None:
        status_line, *lines = head.split(b"\r\n")
        version, _, status = status_line.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not status[:3].isdigit():
            raise BadResponse("The response does not start with an HTTP status.")
        headers = {}
        for line in lines:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip().lower()
        self.status = int(status[:3])
        self._is_stream = headers.get(b"content-type", b"").startswith(b"text/event-stream")
        if headers.get(b"transfer-encoding") != b"chunked":
            length = headers.get(b"content-length", b"0")
            if not length.isdigit():
                raise BadResponse("The response has no length.")
            self._length = int(length)

    def _measured(self, data: bytes) -> list[bytes]:
        assert self._length is not None
        if len(data) < self._length:
            self._rest = data
            return []
        self.is_complete = True
        return [data[: self._length]]

    def _unchunked(self, data: bytes) -> list[bytes]:
        messages: list[bytes] = []
        at = 0
        while not self.is_complete:
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                break
            start = line_end + 2
            end = start + _chunk_size(data[at:line_end])
            if end + 2 > len(data):
                break
            if start == end:
                self.is_complete = True
            else:
                self._collect(data[start:end], messages)
            at = end + 2
        self._rest = data[at:]
        if self.is_complete and not self._is_stream:
            messages.append(self._body)
        return messages

    def _collect(self, chunk: bytes, messages: list[bytes]) -> None:
        if self._body:
            chunk = self._body + chunk
        if not self._is_stream:
            self._body = chunk
            return
        *events, self._body = chunk.split(b"\n\n")
        for event in events:
            kind, found, value = event.partition(b": ")
            if found and kind:  # a comment starts with the colon
                messages.append(value)


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise BadResponse("A chunk of the response has no size.") from None
