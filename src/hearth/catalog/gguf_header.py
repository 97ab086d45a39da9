"""Read the header of a GGUF file: metadata and tensor list, without its tensors.

The file may be truncated, damaged or hostile: every count and length is checked against what is
left of the file before anything is allocated. Format: ggml's docs/gguf.md, versions 2 and 3.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

from hearth.errors import InvalidRequest

MAGIC = b"GGUF"
DEFAULT_ALIGNMENT = 32
MAX_KEYS = 65_536
MAX_TENSORS = 1_000_000
MAX_ARRAY_ITEMS = 16_000_000
"All arrays of a file together; the largest vocabularies have a million entries."
MAX_ARRAY_DEPTH = 4
MAX_DIMENSIONS = 4
MAX_ELEMENTS = 1 << 62
MAX_TEXT_BYTES = 64 << 20
"All names and strings of a file together, arrays not counted; a chat template takes kilobytes."

Scalar = int | float | bool | str

_STRING, _ARRAY, _BOOL = 8, 9, 7
_SCALARS = {
    0: struct.Struct("<B"), 1: struct.Struct("<b"), 2: struct.Struct("<H"),
    3: struct.Struct("<h"), 4: struct.Struct("<I"), 5: struct.Struct("<i"),
    6: struct.Struct("<f"), 7: struct.Struct("<B"), 10: struct.Struct("<Q"),
    11: struct.Struct("<q"), 12: struct.Struct("<d"),
}  # fmt: skip
_U32, _U64 = _SCALARS[4], _SCALARS[10]

TENSOR_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip
"ggml type number: name, elements per block, bytes per block (ggml's type_traits)."


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorInfo:
    """One tensor; `shape` is in ggml's order, rows last; `offset` counts from the data section."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int

    @property
    def num_elements(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    @property
    def type_name(self) -> str:
        """The name of its element type, such as Q4_1."""
        return TENSOR_TYPES[self.type][0]

    @property
    def num_bytes(self) -> int:
        """How much of the file it takes."""
        _, block, block_bytes = TENSOR_TYPES[self.type]
        return self.num_elements // block * block_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class GgufHeader:
    """What precedes the tensor data.

    Args:
        values: scalars and strings; of an array, only its length is kept, in `array_lengths`.
        metadata_span: where the key-value section lies in the file, as (start, end).
        value_offsets: where each value's bytes begin.
        data_offset: where the tensor data begins.
    """

    version: int
    values: dict[str, Scalar]
    array_lengths: dict[str, int]
    tensors: tuple[TensorInfo, ...]
    metadata_span: tuple[int, int]
    value_offsets: dict[str, int]
    data_offset: int
    alignment: int

    def text(self, key: str) -> str | None:
        """The string at `key`; None when absent or of another type."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def integer(self, key: str) -> int | None:
        """The integer at `key`; None when absent or of another type."""
        value = self.values.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


class _Fault(Exception):
    """What is wrong with the bytes; `read_gguf_header` adds the file's name and the remedy."""


def read_gguf_header(path: Path) -> GgufHeader:
    """Read and check a header.

    Raises:
        InvalidRequest: it is not GGUF, is cut short, or contradicts itself.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != MAGIC:
                raise _Fault("it does not begin with GGUF")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
                return _Reader(view).header()
    except _Fault as fault:
        raise InvalidRequest(
            f"{path.name} is not a usable GGUF file: {fault}. Fetch it again."
        ) from fault


class _Reader:
    """A cursor over the file that never runs past its end."""

    def __init__(self, view: mmap.mmap) -> None:
        self._view = view
        self._size = len(view)
        self._at = len(MAGIC)
        self._array_items = 0
        self._text_bytes = 0

    def header(self) -> GgufHeader:
        version = self._number(_U32)
        if version not in (2, 3):
            raise _Fault(f"version {version} is not 2 or 3")
        num_tensors = self._count(_U64, MAX_TENSORS, "tensors")
        num_keys = self._count(_U64, MAX_KEYS, "keys")
        start = self._at
        values: dict[str, Scalar] = {}
        lengths: dict[str, int] = {}
        offsets: dict[str, int] = {}
        for _ in range(num_keys):
            self._key_value(values, lengths, offsets)
        end = self._at
        tensors = tuple(self._tensor() for _ in range(num_tensors))
        alignment = self._alignment(values)
        data_offset = -(-self._at // alignment) * alignment
        self._check_data(tensors, data_offset, alignment)
        return GgufHeader(
            version=int(version), values=values, array_lengths=lengths, tensors=tensors,
            metadata_span=(start, end), value_offsets=offsets, data_offset=data_offset,
            alignment=alignment,
        )  # fmt: skip

    def _key_value(
        self, values: dict[str, Scalar], lengths: dict[str, int], offsets: dict[str, int]
    ) -> None:
        key = self._text("a key")
        if key in offsets:
            raise _Fault(f"the key {key[:80]!r} is there twice")
        kind = self._number(_U32)
        offsets[key] = self._at
        if kind == _ARRAY:
            lengths[key] = self._skip_array(depth=1)
        elif kind == _STRING:
            values[key] = self._text(f"the value of {key[:80]!r}")
        elif kind in _SCALARS:
            value = self._number(_SCALARS[int(kind)])
            values[key] = bool(value) if kind == _BOOL else value
        else:
            raise _Fault(f"the key {key[:80]!r} has the unknown type {kind}")

    def _tensor(self) -> TensorInfo:
        name = self._text("a tensor name")
        num_dimensions = self._count(_U32, MAX_DIMENSIONS, "dimensions")
        shape = tuple(int(self._number(_U64)) for _ in range(num_dimensions))
        kind, offset = int(self._number(_U32)), int(self._number(_U64))
        if kind not in TENSOR_TYPES:
            raise _Fault(f"the tensor {name[:80]!r} has the unknown type {kind}")
        if prod(shape) > MAX_ELEMENTS:
            raise _Fault(f"the tensor {name[:80]!r} is impossibly large")
        if shape and shape[0] % TENSOR_TYPES[kind][1]:
            raise _Fault(f"the rows of tensor {name[:80]!r} are not whole blocks")
        return TensorInfo(name=name, shape=shape, type=kind, offset=offset)

    def _alignment(self, values: dict[str, Scalar]) -> int:
        alignment = values.get("general.alignment", DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or not 8 <= alignment <= 1 << 20 or alignment % 8:
            raise _Fault(f"its alignment {alignment!r} is not a multiple of 8")
        return alignment

    def _check_data(self, tensors: tuple[TensorInfo, ...], start: int, alignment: int) -> None:
        for tensor in tensors:
            if tensor.offset % alignment:
                raise _Fault(f"the tensor {tensor.name[:80]!r} is not aligned")
            end = start + tensor.offset + tensor.num_bytes
            if end > self._size:
                raise _Fault(
                    f"it is cut short: {tensor.name[:80]!r} ends at byte {end} of {self._size}"
                )

    def _skip_array(self, depth: int) -> int:
        if depth > MAX_ARRAY_DEPTH:
            raise _Fault("arrays are nested too deep")
        kind = self._number(_U32)
        count = self._count(_U64, MAX_ARRAY_ITEMS - self._array_items, "array items")
        self._array_items += count
        if kind in _SCALARS:
            self._advance(count * _SCALARS[int(kind)].size, "an array")
        elif kind == _STRING:
            for _ in range(count):
                self._advance(int(self._number(_U64)), "a string")
        elif kind == _ARRAY:
            for _ in range(count):
                self._skip_array(depth + 1)
        else:
            raise _Fault(f"an array has the unknown type {kind}")
        return count

    def _text(self, what: str) -> str:
        length = int(self._number(_U64))
        start = self._at
        self._advance(length, what)
        self._text_bytes += length
        if self._text_bytes > MAX_TEXT_BYTES:
            raise _Fault(f"its strings take more than {MAX_TEXT_BYTES >> 20} MiB")
        return self._view[start : self._at].decode("utf-8", "replace")

    def _count(self, form: struct.Struct, limit: int, what: str) -> int:
        count = int(self._number(form))
        if count > limit:
            raise _Fault(f"it claims {count} {what}")
        return count

    def _number(self, form: struct.Struct) -> int | float:
        start = self._at
        self._advance(form.size, "a number")
        number: int | float = form.unpack_from(self._view, start)[0]
        return number

    def _advance(self, num_bytes: int, what: str) -> None:
        if num_bytes > self._size - self._at:
            raise _Fault(f"it is cut short within {what}")
        self._at += num_bytes
