"""Records as bytes: length and crc32 of the body (both u32, little-endian), then msgpack.

Reading never trusts the bytes: it stops at the first that is not a whole, unharmed record.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct as Layout
from zlib import crc32

import msgspec

from hearth.metering.types import Record

MAX_BODY_BYTES = 64 * 1024  # a record is about 200; anything larger is not one of ours

_HEADER = Layout("<II")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def frame(record: Record) -> bytes:
    """A record as it stands in a segment.

    Raises:
        ValueError: the record does not fit a frame, or one of its strings is not text.
    """
    body = _encode(record)
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"The record of {record.request_id!r} has {len(body)} bytes.")
    return _HEADER.pack(len(body), crc32(body)) + body


class Frames:
    """The records at the start of some bytes, in order; iterating again goes on from `offset`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.offset = 0
        "Where the records read so far end."

    def __iter__(self) -> Iterator[Record]:
        while (found := self._next()) is not None:
            record, self.offset = found
            yield record

    def damaged(self) -> bool:
        """Whether what follows the last record is more than an end that a crash explains.

        A crash leaves nothing, zeros, or one record cut short.
        """
        rest = memoryview(self._data)[self.offset :]
        if len(rest) < _HEADER.size:
            return False
        length: int = _HEADER.unpack_from(rest)[0]
        if 0 < length <= MAX_BODY_BYTES:
            return _HEADER.size + length <= len(rest)
        return any(rest)

    def _next(self) -> tuple[Record, int] | None:
        start = self.offset + _HEADER.size
        if start > len(self._data):
            return None
        length, crc = _HEADER.unpack_from(self._data, self.offset)
        end = start + length
        if not 0 < length <= MAX_BODY_BYTES or end > len(self._data):
            return None
        body = self._data[start:end]
        if crc32(body) != crc:
            return None
        try:
            return _decode(body), end
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
