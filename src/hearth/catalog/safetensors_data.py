"""Reads the tensors of one safetensors file as float32.

Format: an 8-byte little-endian length, that many bytes of JSON, then data. The file may be hostile:
every offset is checked against its size before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hearth.errors import InvalidRequest

MAX_HEADER_BYTES = 100_000_000

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class _Tensor(Struct, frozen=True):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read_tensors(path: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Every tensor by name, one in memory at a time.

    Raises:
        InvalidRequest: the file is damaged, or holds other than floating point numbers.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(size - 8, MAX_HEADER_BYTES):
            raise _unusable(path, "its header runs past its end")
        start = 8 + length
        for name, tensor in _entries(path, file.read(length)).items():
            dtype = _checked(path, name, tensor, size - start)
            file.seek(start + tensor.data_offsets[0])
            raw = np.frombuffer(file.read(prod(tensor.shape) * dtype.itemsize), dtype)
            yield name, _floats(raw, tensor)


def _entries(path: Path, raw: bytes) -> dict[str, _Tensor]:
    try:
        entries = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        entries.pop("__metadata__", None)
        return {name: msgspec.json.decode(each, type=_Tensor) for name, each in entries.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable(path, f"its header does not fit: {error}") from error


def _checked(path: Path, name: str, tensor: _Tensor, num_bytes: int) -> np.dtype[np.generic]:
    start, end = tensor.data_offsets
    if tensor.dtype not in _DTYPES:
        raise _unusable(path, f"{name[:80]!r} is of the type {tensor.dtype[:20]}")
    dtype = np.dtype(_DTYPES[tensor.dtype])
    needed = prod(tensor.shape) * dtype.itemsize
    if min(tensor.shape, default=0) < 0 or not 0 <= start <= start + needed == end <= num_bytes:
        raise _unusable(path, f"{name[:80]!r} is cut short or lies about its size")
    return dtype


def _floats(raw: NDArray[np.generic], tensor: _Tensor) -> NDArray[np.float32]:
    if tensor.dtype == "BF16":  # the upper half of a float32
        raw = (raw.astype(np.uint32) << 16).view(np.float32)
    return raw.astype(np.float32, copy=False).reshape(tensor.shape)


def _unusable(path: Path, why: str) -> InvalidRequest:
    return InvalidRequest(f"{path.name} is not usable: {why}. Fetch or upload it again.")
