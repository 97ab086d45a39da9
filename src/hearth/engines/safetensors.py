"""Reads the tensors of safetensors files as float32, each when it is asked for.

Format: an 8-byte little-endian length, that many bytes of JSON, then the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import prod
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hearth.errors import SetupError

Bytes = NDArray[np.uint8]

_MAX_HEADER_BYTES = 100_000_000
_MAX_DIMENSIONS = 8
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class TensorInfo(Struct, frozen=True):
    """A tensor as the header describes it."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


class SafetensorsFile:
    """One file, of which only the header has been read.

    Raises:
        SetupError: the file is missing, damaged or cut short.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            entries, start = _read_header(path)
            self._data: Bytes = np.memmap(path, np.uint8, "r").view(np.ndarray)[start:]
            _check(entries, len(self._data))
        except (OSError, ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise SetupError(f"{path} cannot be read: {error}.") from None
        self.tensors: Mapping[str, TensorInfo] = entries

    def array(self, name: str) -> NDArray[np.float32]:
        """Read a tensor; it is read-only where the file holds float32.

        Raises:
            SetupError: it is not made of floating point numbers.
        """
        info = self.tensors[name]
        if info.dtype not in _DTYPES:
            raise SetupError(
                f"The tensor {name} of {self.path} is {info.dtype}; known: {', '.join(_DTYPES)}."
            )
        start, end = info.data_offsets
        raw = np.frombuffer(self._data[start:end], _DTYPES[info.dtype])
        if info.dtype == "BF16":  # the upper half of a float32
            raw = (raw.astype(np.uint32) << 16).view(np.float32)
        with np.errstate(over="ignore"):  # what a float32 cannot hold becomes infinite
            array = np.require(raw.astype(np.float32, copy=False), requirements="A")
        return array.reshape(info.shape)


def read_tensors(paths: Iterable[Path]) -> dict[str, NDArray[np.float32]]:
    """Read every tensor of floating point numbers, by name.

    Raises:
        SetupError: a file is damaged or cut short.
    """
    tensors: dict[str, NDArray[np.float32]] = {}
    for path in paths:
        file = SafetensorsFile(path)
        of_floats = [name for name, info in file.tensors.items() if info.dtype in _DTYPES]
        tensors |= {name: file.array(name) for name in of_floats}
    return tensors


def _read_header(path: Path) -> tuple[dict[str, TensorInfo], int]:
    """Return the entries, and where the data begins."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _MAX_HEADER_BYTES:
            raise ValueError("its header is impossibly long")
        raw = msgspec.json.decode(file.read(length), type=dict[str, msgspec.Raw])
    raw.pop("__metadata__", None)
    return {name: msgspec.json.decode(each, type=TensorInfo) for name, each in raw.items()}, (
        8 + length
    )


def _check(entries: Mapping[str, TensorInfo], size: int) -> None:
    for name, info in entries.items():
        start, end = info.data_offsets
        if not 0 <= start <= end:
            raise ValueError(f"the tensor {name} ends before it begins")
        if end > size:
            raise ValueError(f"it is cut short: the tensor {name} ends at byte {end} of {size}")
        if len(info.shape) > _MAX_DIMENSIONS or min(info.shape, default=0) < 0:
            raise ValueError(f"the tensor {name} has an impossible shape")
        dtype = _DTYPES.get(info.dtype)
        if dtype and prod(info.shape) * np.dtype(dtype).itemsize != end - start:
            raise ValueError(f"the tensor {name} does not fill its bytes")
    spans = sorted((*info.data_offsets, name) for name, info in entries.items())
    filled = [span for span in spans if span[0] < span[1]]
    for (_, end, before), (start, _, after) in pairwise(filled):
        if start < end:
            raise ValueError(f"the tensors {before} and {after} overlap")
