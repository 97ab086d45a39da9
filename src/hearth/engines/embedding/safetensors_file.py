"""Reads the tensors of safetensors files as float32.

Format: an 8-byte little-endian length, that many bytes of JSON, then the data.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hearth.errors import SetupError

_MAX_HEADER_BYTES = 100_000_000
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class _Tensor(Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read_tensors(paths: Iterable[Path]) -> dict[str, NDArray[np.float32]]:
    """Read every tensor of floating point numbers, by name.

    Raises:
        SetupError: a file is damaged or cut short.
    """
    tensors: dict[str, NDArray[np.float32]] = {}
    for path in paths:
        try:
            tensors |= _read(path)
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise SetupError(f"{path} cannot be read: {error}.") from None
    return tensors


def _read(path: Path) -> dict[str, NDArray[np.float32]]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _MAX_HEADER_BYTES:
            raise ValueError("its header is impossibly long")
        entries = msgspec.json.decode(file.read(length), type=dict[str, msgspec.Raw])
    data = np.memmap(path, np.uint8, "r", offset=8 + length)
    entries.pop("__metadata__", None)
    decoded = {name: msgspec.json.decode(raw, type=_Tensor) for name, raw in entries.items()}
    return {name: _array(data, each) for name, each in decoded.items() if each.dtype in _DTYPES}


def _array(data: np.memmap[tuple[int], np.dtype[np.uint8]], tensor: _Tensor) -> NDArray[np.float32]:
    start, end = tensor.data_offsets
    raw = np.frombuffer(data[start:end].tobytes(), _DTYPES[tensor.dtype])
    if tensor.dtype == "BF16":  # the upper half of a float32
        raw = (raw.astype(np.uint32) << 16).view(np.float32)
    return raw.astype(np.float32, copy=False).reshape(tensor.shape)
