"""Rewrite a GGUF in another element type: dequantise exactly, then quantise.

Only the tensors change. The metadata is copied byte for byte, save `general.file_type`. Vectors
(norms, biases) and rows that are no whole blocks keep their precision. For Q4_0 the token
embedding and the output head become Q8_0, where four bits would cost most.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hearth.catalog.gguf_header import (
    MAGIC,
    TENSOR_TYPES,
    GgufHeader,
    TensorInfo,
    read_gguf_header,
)
from hearth.catalog.sources.types import Progress, Step, require_space
from hearth.catalog.types import Form
from hearth.errors import InvalidRequest

if TYPE_CHECKING:
    import numpy

_TYPE_NUMBERS = {name: number for number, (name, _, _) in TENSOR_TYPES.items()}
_FILE_TYPES: dict[Form, int] = {"F16": 1, "Q4_0": 2, "Q8_0": 7}
"llama.cpp's llama_ftype, the value of general.file_type."
_FILE_TYPE_KEY = "general.file_type"
_UINT32 = 4
_HEADS = ("token_embd.weight", "output.weight")
_KEPT = {"F64", "I8", "I16", "I32", "I64", "Q8_1", "Q8_K", "Q1_0"}
"Not weights, or types the gguf package cannot read."
_CHUNK_ELEMENTS = 16 << 20
"Of a tensor in memory at a time: 64 MiB as float32."


@dataclass(frozen=True, kw_only=True)
class _Output:
    tensors: tuple[TensorInfo, ...]
    num_bytes: int


def convert_gguf(source: Path, target: Path, form: Form, progress: Progress) -> None:
    """Write `source` to `target` in `form`; `target` appears only when it is whole.

    Raises:
        InvalidRequest: the source is damaged.
        SetupError: the result does not fit on the disk.
    """
    header = read_gguf_header(source)
    output = _lay_out(header, form)
    require_space(target.parent, output.num_bytes)
    part = target.with_name(target.name + ".part")
    with source.open("rb") as reader, part.open("wb") as writer:
        writer.write(_head(reader, header, output, form))
        start = writer.tell()
        start += -start % header.alignment
        for before, after in zip(header.tensors, output.tensors, strict=True):
            writer.write(bytes(start + after.offset - writer.tell()))
            _copy_tensor(reader, writer, header, before, after)
            progress(
                Step(
                    stage="converting",
                    file=target.name,
                    done_bytes=after.offset + after.num_bytes,
                    total_bytes=output.num_bytes,
                )
            )
        writer.write(bytes(-(writer.tell() - start) % header.alignment))
        writer.flush()
        os.fsync(writer.fileno())
    part.rename(target)


def _lay_out(header: GgufHeader, form: Form) -> _Output:
    tensors, offset = [], 0
    for tensor in header.tensors:
        placed = replace(tensor, type=_target_type(tensor, form), offset=offset)
        tensors.append(placed)
        offset += placed.num_bytes
        offset += -offset % header.alignment
    return _Output(tensors=tuple(tensors), num_bytes=offset)


def _target_type(tensor: TensorInfo, form: Form) -> int:
    if len(tensor.shape) < 2 or tensor.type_name in _KEPT:
        return tensor.type
    wanted: str = "Q8_0" if form == "Q4_0" and tensor.name in _HEADS else form
    number = _TYPE_NUMBERS[wanted]
    return number if tensor.shape[0] % TENSOR_TYPES[number][1] == 0 else _TYPE_NUMBERS["F16"]


def _head(reader: IO[bytes], header: GgufHeader, output: _Output, form: Form) -> bytes:
    """Everything before the tensor data."""
    start, end = header.metadata_span
    reader.seek(start)
    metadata = bytearray(reader.read(end - start))
    num_keys = len(header.value_offsets)
    file_type = struct.pack("<I", _FILE_TYPES[form])
    if header.integer(_FILE_TYPE_KEY) is not None:
        at = header.value_offsets[_FILE_TYPE_KEY] - start
        if metadata[at - 4 : at] != struct.pack("<I", _UINT32):
            raise InvalidRequest(f"{_FILE_TYPE_KEY} is not a uint32, so it is not a usable GGUF.")
        metadata[at : at + 4] = file_type
    else:
        metadata += _text(_FILE_TYPE_KEY) + struct.pack("<I", _UINT32) + file_type
        num_keys += 1
    head = MAGIC + struct.pack("<IQQ", header.version, len(output.tensors), num_keys)
    return head + bytes(metadata) + b"".join(_tensor_info(tensor) for tensor in output.tensors)


def _tensor_info(tensor: TensorInfo) -> bytes:
    shape = struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
    return _text(tensor.name) + shape + struct.pack("<IQ", tensor.type, tensor.offset)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _copy_tensor(
    reader: IO[bytes], writer: IO[bytes], header: GgufHeader, before: TensorInfo, after: TensorInfo
) -> None:
    reader.seek(header.data_offset + before.offset)
    row = before.shape[0] if before.shape else 1
    _, block, block_bytes = TENSOR_TYPES[before.type]
    row_bytes = row // block * block_bytes
    num_rows = before.num_elements // max(row, 1)
    rows_at_once = max(1, _CHUNK_ELEMENTS // max(row, 1))
    for first in range(0, num_rows, rows_at_once):
        count = min(rows_at_once, num_rows - first)
        raw = reader.read(count * row_bytes)
        if before.type != after.type:
            raw = _requantise(raw, count, before.type, after.type).tobytes()
        writer.write(raw)


def _requantise(raw: bytes, num_rows: int, before: int, after: int) -> numpy.ndarray:
    import numpy
    from gguf import GGMLQuantizationType, quants

    table = numpy.frombuffer(raw, numpy.uint8).reshape(num_rows, -1)
    values = quants.dequantize(table, GGMLQuantizationType(before))
    return quants.quantize(values, GGMLQuantizationType(after))
