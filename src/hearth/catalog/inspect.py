"""Say what weights are, from their headers alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hearth.catalog.gguf_header import GgufHeader, read_gguf_header
from hearth.catalog.safetensors_header import inspect_safetensors
from hearth.catalog.types import Inspection, ModelType
from hearth.errors import InvalidRequest

_EMBEDDING_ARCHITECTURES = ("bert", "nomic-bert", "jina-bert", "t5encoder", "gemma-embedding")
_POOLING_RANK = 4
"llama.cpp's LLAMA_POOLING_TYPE_RANK: the model scores pairs."
_OF_EXPERTS = re.compile(r"\.ffn_(?:gate|up|down|gate_up)(?:_exps\.|\.\d+\.)")
"Tensors of all experts together, and, in the oldest files, one for each."
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf\Z")


def inspect_folder(folder: Path) -> tuple[Path, Inspection]:
    """Find the file an engine opens, and describe the model it belongs to.

    A GGUF wins over safetensors beside it; a GGUF in parts counts as one.

    Raises:
        InvalidRequest: there are no weights, more than one model, or a damaged file.
    """
    headers = {path: read_gguf_header(path) for path in sorted(folder.rglob("*.gguf"))}
    models = {path: h for path, h in headers.items() if _architecture(h) != "clip"}
    if headers and not models:
        raise InvalidRequest(
            f"{_listed(headers)} is a vision projector, not a model; pull the model itself."
        )
    if models:
        return _inspect_gguf_group(models)
    files = sorted(folder.rglob("*.safetensors"))
    if not files:
        raise InvalidRequest("Neither GGUF nor safetensors weights are there; nothing can be run.")
    return files[0], inspect_safetensors(folder, files)


def inspect_gguf(path: Path) -> Inspection:
    """Describe one GGUF file.

    Raises:
        InvalidRequest: it is damaged or cut short.
    """
    return _describe([read_gguf_header(path)])


def _inspect_gguf_group(headers: dict[Path, GgufHeader]) -> tuple[Path, Inspection]:
    first = next(iter(headers))
    part = _PART.search(first.name)
    expected = int(part.group(2)) if part else 1
    stem = first.name[: part.start()] if part else first.name
    same = [path for path in headers if path.parent == first.parent and path.name.startswith(stem)]
    if len(same) != len(headers):
        raise InvalidRequest(
            f"These are several models: {_listed(headers)}; name one of them in the source."
        )
    if len(same) != expected:
        raise InvalidRequest(f"{stem} has {len(same)} of its {expected} parts; fetch all of them.")
    return first, _describe(list(headers.values()))


def _describe(headers: Sequence[GgufHeader]) -> Inspection:
    first = headers[0]
    architecture = _architecture(first)
    parameters: dict[str, int] = {}
    for header in headers:
        for tensor in header.tensors:
            count = parameters.get(tensor.type_name, 0)
            parameters[tensor.type_name] = count + tensor.num_elements
    return Inspection(
        format="gguf",
        architecture=architecture,
        type=_type(first, architecture),
        parameters=sum(parameters.values()),
        active_parameters=_active(headers, architecture, sum(parameters.values())),
        quantisation=max(parameters, key=parameters.__getitem__, default=""),
        context_length=first.integer(f"{architecture}.context_length"),
        chat_template=first.text("tokenizer.chat_template"),
        tokenizer=first.text("tokenizer.ggml.model"),
    )


def _active(headers: Sequence[GgufHeader], architecture: str, parameters: int) -> int | None:
    """How many parameters a token meets; None: all of them, for there are no experts."""
    experts = headers[0].integer(f"{architecture}.expert_count") or 0
    used = headers[0].integer(f"{architecture}.expert_used_count") or 0
    if not 0 < used < experts:
        return None
    tensors = (tensor for header in headers for tensor in header.tensors)
    shared_out = sum(each.num_elements for each in tensors if _OF_EXPERTS.search(each.name))
    return max(1, parameters - shared_out * (experts - used) // experts)


def _architecture(header: GgufHeader) -> str:
    return header.text("general.architecture") or "unknown"


def _type(header: GgufHeader, architecture: str) -> ModelType:
    if header.text("general.type") == "adapter":
        return ModelType.ADAPTER
    pooling = header.integer(f"{architecture}.pooling_type")
    if pooling == _POOLING_RANK:
        return ModelType.RERANK
    if architecture.startswith(_EMBEDDING_ARCHITECTURES) or pooling:
        return ModelType.EMBEDDING
    if architecture == "whisper":
        return ModelType.TRANSCRIPTION
    has_template = header.text("tokenizer.chat_template") is not None
    return ModelType.CHAT if has_template else ModelType.COMPLETION


def _listed(headers: dict[Path, GgufHeader]) -> str:
    shown = ", ".join(path.name for path in list(headers)[:4])
    return shown if len(headers) <= 4 else f"{shown} and {len(headers) - 4} more"
