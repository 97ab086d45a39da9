"""Read what a folder of safetensors says about its model, without the tensors.

Format: an 8-byte little-endian length, that many bytes of JSON, then data; the length is capped
as in the reference implementation, so a hostile file cannot claim memory.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from hearth.catalog.types import Inspection, ModelType
from hearth.errors import InvalidRequest

MAX_HEADER_BYTES = 100_000_000
MAX_CONFIG_BYTES = 256 << 20
"Tokenizer files of large vocabularies reach tens of megabytes."

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16,
    "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
    "F4": 4, "C64": 64,
}  # fmt: skip

T = TypeVar("T")


class _Tensor(Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


class _TextConfig(Struct):
    max_position_embeddings: int | None = None


class _Config(Struct):
    """The fields of config.json (or model_index.json) that are looked at."""

    architectures: list[str] | None = None
    model_type: str = ""
    max_position_embeddings: int | None = None
    text_config: _TextConfig | None = None
    vision_config: object = None
    pipeline: str = field(name="_class_name", default="")


class _TokenizerModel(Struct, frozen=True):
    type: str = ""


class _Tokenizer(Struct):
    model: _TokenizerModel = _TokenizerModel()


class _NamedTemplate(Struct):
    name: str = ""
    template: str = ""


class _TokenizerConfig(Struct):
    chat_template: str | list[_NamedTemplate] | None = None


def inspect_safetensors(folder: Path, files: list[Path]) -> Inspection:
    """Describe the model whose weights are `files`, all below `folder`.

    Raises:
        InvalidRequest: a file is damaged or cut short, or the folder has no config.
    """
    parameters_by_dtype: dict[str, int] = {}
    for path in files:
        for dtype, count in _count_parameters(path).items():
            parameters_by_dtype[dtype] = parameters_by_dtype.get(dtype, 0) + count
    is_adapter = (folder / "adapter_config.json").is_file()
    config = _read_config(folder, is_adapter=is_adapter)
    template = _chat_template(folder)
    text_config = config.text_config or _TextConfig()
    return Inspection(
        format="safetensors",
        architecture=_architecture(config, is_adapter=is_adapter),
        type=ModelType.ADAPTER if is_adapter else _type(config, template),
        parameters=sum(parameters_by_dtype.values()),
        quantisation=max(parameters_by_dtype, key=parameters_by_dtype.__getitem__, default=""),
        context_length=config.max_position_embeddings or text_config.max_position_embeddings,
        chat_template=template,
        tokenizer=_tokenizer(folder),
    )


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of a file's tensors by their names, rows first.

    Raises:
        InvalidRequest: it is damaged or cut short.
    """
    return {name: tuple(tensor.shape) for name, tensor in _read_header(path).items()}


def _count_parameters(path: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for tensor in _read_header(path).values():
        counts[tensor.dtype] = counts.get(tensor.dtype, 0) + prod(tensor.shape)
    return counts


def _read_header(path: Path) -> dict[str, _Tensor]:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
            raise _unusable(path, "its header runs past its end")
        raw = file.read(length)
    entries = _decode(raw, dict[str, msgspec.Raw], path)
    entries.pop("__metadata__", None)
    tensors = {name: _decode(entry, _Tensor, path) for name, entry in entries.items()}
    for name, tensor in tensors.items():
        _check_tensor(path, name, tensor, data_bytes=size - 8 - length)
    if not tensors:
        raise _unusable(path, "it holds no tensor")
    return tensors


def _check_tensor(path: Path, name: str, tensor: _Tensor, *, data_bytes: int) -> None:
    start, end = tensor.data_offsets
    if tensor.dtype not in _BITS or any(n < 0 for n in tensor.shape) or len(tensor.shape) > 16:
        raise _unusable(path, f"the tensor {name[:80]!r} has an unknown type or shape")
    if not 0 <= start <= end <= data_bytes:
        raise _unusable(path, f"it is cut short: {name[:80]!r} ends at {end} of {data_bytes}")
    if prod(tensor.shape) * _BITS[tensor.dtype] > (end - start) * 8:
        raise _unusable(path, f"the tensor {name[:80]!r} is larger than its bytes")


def _read_config(folder: Path, *, is_adapter: bool) -> _Config:
    for name in ("config.json", "model_index.json"):
        if (config := _read_json(folder / name, _Config)) is not None:
            return config
    if is_adapter:
        return _Config()
    raise InvalidRequest(
        f"{folder.name} has safetensors but no config.json, so its architecture is unknown; "
        "fetch the whole folder."
    )


def _architecture(config: _Config, *, is_adapter: bool) -> str:
    named = config.architectures[0] if config.architectures else ""
    return named or config.pipeline or config.model_type or ("adapter" if is_adapter else "unknown")


def _type(config: _Config, template: str | None) -> ModelType:
    named = config.architectures[0] if config.architectures else ""
    if config.pipeline:
        return ModelType.IMAGE
    if config.model_type == "whisper":
        return ModelType.TRANSCRIPTION
    if named.endswith("SequenceClassification"):
        return ModelType.RERANK
    if config.vision_config is not None:
        return ModelType.VISION
    if named.endswith(("ForCausalLM", "ForConditionalGeneration")):
        return ModelType.CHAT if template else ModelType.COMPLETION
    return ModelType.EMBEDDING


def _chat_template(folder: Path) -> str | None:
    own_file = folder / "chat_template.jinja"
    if own_file.is_file() and own_file.stat().st_size <= MAX_CONFIG_BYTES:
        return own_file.read_text("utf-8", "replace")
    config = _read_json(folder / "tokenizer_config.json", _TokenizerConfig)
    template = config.chat_template if config else None
    if isinstance(template, list):
        texts = {entry.name: entry.template for entry in template}
        return texts.get("default") or next(iter(texts.values()), None)
    return template


def _tokenizer(folder: Path) -> str | None:
    tokenizer = _read_json(folder / "tokenizer.json", _Tokenizer)
    if tokenizer is not None:
        return tokenizer.model.type or None
    return "sentencepiece" if (folder / "tokenizer.model").is_file() else None


def _read_json(path: Path, schema: type[T]) -> T | None:
    if not path.is_file():
        return None
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise _unusable(path, f"it is larger than {MAX_CONFIG_BYTES >> 20} MiB")
    return _decode(path.read_bytes(), schema, path)


def _decode(raw: Any, schema: type[T], path: Path) -> T:  # Any: bytes or msgspec.Raw
    try:
        return msgspec.json.decode(raw, type=schema)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable(path, f"its JSON does not fit: {error}") from error


def _unusable(path: Path, why: str) -> InvalidRequest:
    return InvalidRequest(f"{path.name} is not usable: {why}. Fetch it again.")
