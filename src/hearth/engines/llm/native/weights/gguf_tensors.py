"""The tensors of a GGUF file as float32, each read when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize
from numpy.typing import NDArray

from hearth.engines.llm.gguf_metadata import GgufHeader, GgufTensor, read_header
from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.weights.finite import is_finite
from hearth.errors import SetupError

Bytes = NDArray[np.uint8]

_CHUNK_NUMBERS = 1 << 17  # dequantised at once; what is between stays in the processor's cache
_MAX_NUMBERS = 1 << 40
_MAX_SPLITS = 1000
_SPLIT = re.compile(r"-00001-of-(\d{5})\.gguf$")


class GgufTensors:
    """A file, or all files of a model that is split, of which only the headers have been read.

    Args:
        path: the file, or the first of several.

    Attributes:
        metadata: of the first file.
        merges: of its tokeniser.

    Raises:
        SetupError: a file is missing or damaged, or holds what cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        header = read_header(path)
        self.metadata, self.merges = header.metadata, header.merges
        self.files = self._all_files()
        self._spans: dict[str, Bytes] = {}
        self._tensors: dict[str, GgufTensor] = {}
        for file in self.files:
            self._add(file, header if file == path else read_header(file))
        for kind in sorted({each.type for each in self._tensors.values()}):
            _check_type(kind, path)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return (rows, columns), or (length,)."""
        return self._tensors[name].shape[::-1]

    def read(self, name: str, rows: NDArray[np.intp] | None = None) -> Floats:
        """Dequantise a tensor; read-only where the file holds float32.

        Args:
            rows: which row of the file comes to each place; None: all as they are.

        Raises:
            SetupError: it holds numbers that are not finite.
        """
        tensor = self._tensors[name]
        raw = self._spans[name]
        if rows is not None:
            raw = raw.reshape(len(rows), -1)[rows].reshape(-1)
        array = _dequantized(raw, GGMLQuantizationType(tensor.type))
        if not is_finite(array):
            raise SetupError(
                f"The tensor {name} of {self.path} holds numbers that are not finite; fetch it "
                "again."
            )
        return array.reshape(tensor.shape[::-1])

    def _all_files(self) -> list[Path]:
        split = _SPLIT.search(self.path.name)
        if self.metadata.get("split.count") in {None, 0, 1}:
            return [self.path]
        if split is None or int(split[1]) > _MAX_SPLITS:
            raise SetupError(f"{self.path} is not the first file of its model; give that one.")
        stem, count = self.path.name[: split.start()], int(split[1])
        names = [f"{stem}-{number:05}-of-{count:05}.gguf" for number in range(1, count + 1)]
        return [self.path.with_name(name) for name in names]

    def _add(self, file: Path, header: GgufHeader) -> None:
        data = np.memmap(file, np.uint8, "r").view(np.ndarray)[header.data_start :]
        for tensor in header.tensors:
            if tensor.name in self._tensors:
                raise SetupError(f"The tensor {tensor.name} is twice in {file}; fetch it again.")
            num_bytes = _num_bytes(tensor, file)
            if tensor.offset + num_bytes > len(data):
                raise SetupError(
                    f"{file} is cut short: its tensor {tensor.name} is missing or incomplete; "
                    "fetch it again."
                )
            self._tensors[tensor.name] = tensor
            self._spans[tensor.name] = data[tensor.offset : tensor.offset + num_bytes]


def _num_bytes(tensor: GgufTensor, file: Path) -> int:
    try:
        block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(tensor.type)]
    except (ValueError, KeyError):
        raise SetupError(
            f"The tensor {tensor.name} of {file} has the unknown type {tensor.type}."
        ) from None
    numbers = prod(tensor.shape)
    if not tensor.shape or tensor.shape[0] % block or not 0 < numbers <= _MAX_NUMBERS:
        raise SetupError(f"The tensor {tensor.name} of {file} has an impossible shape.")
    return numbers // block * block_bytes


def _check_type(kind: int, path: Path) -> None:
    """Read one block of a type, since the package does not tell which it can."""
    known = GGMLQuantizationType(kind)
    _, block_bytes = GGML_QUANT_SIZES[known]
    try:
        _dequantized(np.zeros(block_bytes, np.uint8), known)
    except NotImplementedError:
        raise SetupError(
            f"{path} has tensors of the type {known.name}, which the engine native cannot read."
        ) from None


def _dequantized(raw: Bytes, kind: GGMLQuantizationType) -> Floats:
    """The numbers of whole blocks, in one row."""
    if kind is GGMLQuantizationType.F32:
        return np.require(raw.view("<f4"), np.float32, requirements="A")
    block, block_bytes = GGML_QUANT_SIZES[kind]
    numbers = np.empty(len(raw) // block_bytes * block, np.float32)
    step = max(_CHUNK_NUMBERS // block, 1)
    with np.errstate(invalid="ignore", over="ignore"):  # what comes of it is checked
        for start in range(0, len(raw) // block_bytes, step):
            chunk = raw[start * block_bytes : (start + step) * block_bytes]
            end = (start + step) * block
            numbers[start * block : end] = dequantize(chunk.reshape(1, -1), kind)[0]
    return numbers
