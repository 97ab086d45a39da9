"""GGUF LoRA files: written from our own conversion, and checked where they came as they are.

Format: llama.cpp's convert_lora_to_gguf.py and llama-adapter.cpp.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hearth.catalog.adapted_models import AdaptedModel, differs_in_gguf
from hearth.catalog.gguf_header import GgufHeader, TensorInfo, read_gguf_header
from hearth.catalog.peft_adapter import Lora
from hearth.errors import InvalidRequest

_DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_ALORA = "adapter.alora.invocation_tokens"


def write_lora(path: Path, lora: Lora, base: AdaptedModel) -> None:
    """Write an adapter; the same one gives the same bytes."""
    import gguf

    writer = gguf.GGUFWriter(path, base.architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, lora.alpha)
    for tensor, (a, b) in sorted(lora.pairs.items()):
        writer.add_tensor(f"{tensor}.lora_a", np.ascontiguousarray(a))
        writer.add_tensor(f"{tensor}.lora_b", np.ascontiguousarray(b))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check_lora(path: Path, base: AdaptedModel) -> None:
    """Check that a file is an adapter of this base.

    Raises:
        InvalidRequest: it is damaged, of another base, or of a kind that is not served.
    """
    header = read_gguf_header(path)
    if header.text("adapter.type") != "lora" or _ALORA in header.value_offsets:
        raise InvalidRequest(f"{path.name} is no LoRA adapter of the kind that is served here.")
    architecture = header.text("general.architecture")
    if architecture != base.architecture:
        raise InvalidRequest(
            f"{path.name} is an adapter for {architecture}; {base.name} is {base.architecture}."
        )
    if differs_in_gguf(base):
        raise InvalidRequest(
            f"{path.name} is GGUF, which has rows in another order than the safetensors of "
            f"{base.name}; bring it as PEFT saves it."
        )
    tensors = {each.name: each for each in header.tensors}
    names = {name.removesuffix(".lora_a").removesuffix(".lora_b") for name in tensors}
    if not names:
        raise InvalidRequest(f"{path.name} holds no LoRA matrix, so it would change nothing.")
    for name in sorted(names):
        _check_pair(path, name, tensors, base)
    _check_numbers(path, header)


def _check_pair(path: Path, name: str, tensors: dict[str, TensorInfo], base: AdaptedModel) -> None:
    a, b = tensors.get(f"{name}.lora_a"), tensors.get(f"{name}.lora_b")
    shape = base.shapes.get(name)
    is_pair = a is not None and b is not None and len(a.shape) == len(b.shape) == 2
    if not is_pair or shape is None:
        raise InvalidRequest(f"{path.name}: {name} is no pair of matrices for {base.name}.")
    assert a is not None
    assert b is not None
    if (a.shape[0], a.shape[1], b.shape[1]) != (shape[0], b.shape[0], shape[1]):
        raise InvalidRequest(
            f"{path.name} is made for another base than {base.name}: its {name} has {b.shape[1]} "
            f"rows of {a.shape[0]}, {base.name}'s has {shape[1]} of {shape[0]}."
        )


def _check_numbers(path: Path, header: GgufHeader) -> None:
    with path.open("rb") as file:
        for tensor in header.tensors:
            dtype = _DTYPES.get(tensor.type_name)
            if dtype is None:
                raise InvalidRequest(
                    f"{path.name}: {tensor.name} is {tensor.type_name}; adapters are F32, F16 or "
                    "BF16."
                )
            file.seek(header.data_offset + tensor.offset)
            raw = np.frombuffer(file.read(tensor.num_bytes), dtype)
            if tensor.type_name == "BF16":  # the upper half of a float32
                raw = (raw.astype(np.uint32) << 16).view(np.float32)
            if not np.isfinite(raw).all():
                raise InvalidRequest(
                    f"{path.name}: {tensor.name} holds numbers that are not finite."
                )
