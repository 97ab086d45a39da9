"""The header of a GGUF file: its metadata, where its tensors are, and so how long the file is.

A quick check that costs milliseconds before a native library, whose errors say little, sees the
file. Format: the GGUF specification of ggml, versions 2 and 3, little endian.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from msgspec import Struct

from hearth.errors import SetupError

MetadataScalar = str | int | float | bool
MetadataValue = MetadataScalar | list[MetadataScalar]

_MAX_METADATA_ITEMS = 100_000
_MAX_DIMENSIONS = 4
_DEFAULT_ALIGNMENT, _MAX_ALIGNMENT = 32, 1 << 20
_MERGES = "tokenizer.ggml.merges"
_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_STRING, _ARRAY = 8, 9
_U32, _U64 = _SCALARS[4], _SCALARS[10]


class GgufTensor(Struct, frozen=True):
    """Where a tensor lies and how it is written."""

    name: str
    shape: tuple[int, ...]
    "In ggml's order, columns first."
    type: int
    "ggml's number of the element type."
    offset: int
    "Bytes from the start of the data."


class GgufHeader(Struct, frozen=True):
    """All that comes before the tensors' data."""

    metadata: dict[str, MetadataValue]
    "Without the merges."
    merges: list[str]
    "Of a byte-level tokeniser, the most frequent first."
    tensors: list[GgufTensor]
    data_start: int
    "The byte at which the data begins."


def read_metadata(path: Path) -> dict[str, MetadataValue]:
    """Read all metadata; merges of a tokeniser are left out, they are large and seldom of use.

    Raises:
        SetupError: the file is missing, is no GGUF file, or is cut short.
    """
    return _read(path, with_merges=False).metadata


def read_header(path: Path) -> GgufHeader:
    """Read the whole header.

    Raises:
        SetupError: as `read_metadata`.
    """
    return _read(path, with_merges=True)


def _read(path: Path, *, with_merges: bool) -> GgufHeader:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).read(with_merges=with_merges)
    except OSError as error:
        raise SetupError(f"The model file {path} cannot be read: {error.strerror}.") from None
    except (ValueError, struct.error, IndexError, UnicodeDecodeError) as error:
        raise SetupError(
            f"The model file {path} is not a whole GGUF file ({error}); fetch it again."
        ) from None


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def read(self, *, with_merges: bool) -> GgufHeader:
        if self._data[:4] != b"GGUF":
            raise ValueError("it does not start with GGUF")
        self._at = 4
        version = self._number(_U32)
        if version not in {2, 3}:
            raise ValueError(f"version {version} is unknown")
        num_tensors, num_items = self._number(_U64), self._number(_U64)
        if max(num_tensors, num_items) > _MAX_METADATA_ITEMS:
            raise ValueError("its header promises too much")
        metadata: dict[str, MetadataValue] = {}
        for _ in range(num_items):
            key = self._text()
            value = self._value(self._number(_U32), keep=with_merges or key != _MERGES)
            metadata[key] = value
        merges = metadata.pop(_MERGES, [])
        tensors = [self._tensor() for _ in range(num_tensors)]
        if self._at + max((each.offset for each in tensors), default=-1) >= len(self._data):
            raise ValueError("its last tensors are missing")
        return GgufHeader(
            metadata,
            [str(merge) for merge in merges] if isinstance(merges, list) else [],
            tensors,
            self._data_start(metadata),
        )

    def _tensor(self) -> GgufTensor:
        name = self._text()
        dimensions = self._number(_U32)
        if dimensions > _MAX_DIMENSIONS:
            raise ValueError(f"a tensor in its header has {dimensions} dimensions")
        shape = tuple(self._number(_U64) for _ in range(dimensions))
        return GgufTensor(name, shape, self._number(_U32), self._number(_U64))

    def _data_start(self, metadata: dict[str, MetadataValue]) -> int:
        alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or not 0 < alignment <= _MAX_ALIGNMENT:
            raise ValueError(f"its alignment is {alignment}")
        return -(-self._at // alignment) * alignment

    def _number(self, form: struct.Struct) -> int:
        (value,) = form.unpack_from(self._data, self._at)
        self._at += form.size
        return int(value)

    def _text(self) -> str:
        return self._bytes().decode()

    def _bytes(self) -> bytes:
        end = self._number(_U64) + self._at
        if end > len(self._data):
            raise ValueError("a text in its header is cut short")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def _value(self, kind: int, *, keep: bool) -> MetadataValue:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            return self._array(self._number(_U32), self._number(_U64), keep=keep)
        form = self._scalar(kind)
        (value,) = form.unpack_from(self._data, self._at)
        self._at += form.size
        scalar: MetadataScalar = value
        return scalar

    def _array(self, kind: int, count: int, *, keep: bool) -> list[MetadataScalar]:
        if count > len(self._data):
            raise ValueError("an array in its header is cut short")
        if kind == _STRING:
            pieces = [self._bytes() for _ in range(count)]
            return [piece.decode(errors="replace") for piece in pieces] if keep else []
        form = self._scalar(kind)
        end = self._at + form.size * count
        if end > len(self._data):
            raise ValueError("an array in its header is cut short")
        values = [value for (value,) in form.iter_unpack(self._data[self._at : end])]
        self._at = end
        return values

    def _scalar(self, kind: int) -> struct.Struct:
        form = _SCALARS.get(kind)
        if form is None:
            raise ValueError(f"a value in its header has the unknown type {kind}")
        return form
