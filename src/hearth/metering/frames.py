"""Records as bytes: length and crc32 of the body (both u32, little-endian), then msgpack.

Reading never trusts the bytes: it stops at the first that is not a whole, unharmed record.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct as Layout
from zlib import crc32

import msgspec

from hearth.metering.types import Begin, Record

MAX_BODY_BYTES = 64 * 1024  # a record is about 200; anything larger is not one of ours
MAX_COUNT = 2**53  # far beyond any request, and exact in JSON

_HEADER = Layout("<II")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def frame(record: Record) -> bytes:
    """A record as it stands in a segment.

    Raises:
        ValueError: no ledger could store the record, so it would hold up those behind it.
    """
    check_storable(record)
    body = _encode(record)
    if len(body) > MAX_BODY_BYTES:
        raise _unstorable(record)
    return _HEADER.pack(len(body), crc32(body)) + body


def check_storable(record: Record) -> None:
    """Say whether each database takes it: text without NUL, counts within 64 bits and positive.

    Raises:
        ValueError: one does not.
    """
    if isinstance(record, Begin):
        ids = (record.request_id, record.account_id, record.user_id, record.key_id)
        names = (record.model, record.served_by, record.route, record.unit, record.deployment)
        texts = (*ids, *names, record.price_version, record.price, *record.holds)
        counts: tuple[int, ...] = (record.discount_bp, record.held_nano)
    else:
        texts = (record.replica_id, record.adapter_digest)
        tokens = (record.prompt_tokens, record.cached_tokens, record.completion_tokens)
        counts = (*tokens, record.units, record.cost_nano)
    if "\0" in "".join(texts) or min(counts) < 0 or max(counts) > MAX_COUNT:
        raise _unstorable(record)


def _unstorable(record: Record) -> ValueError:
    return ValueError(f"The usage of request {record.request_id[:80]!r} cannot be stored.")


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
