"""Adapters for tests: random LoRA files for a tiny model, and the model each would be merged to."""

from __future__ import annotations

import hashlib
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from hearth.engines.protocol import Adapter

MODULES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"What llama.cpp and transformers call a layer's matrices."

Matrix = NDArray[np.float32]
Lora = dict[str, tuple[Matrix, Matrix]]
"By tensor of the model, `lora_a` and `lora_b`."


def random_lora(model: Path, *, seed: int, rank: int = 4, spread: float = 0.3) -> Lora:
    """An adapter of every linear tensor of a model's layers."""
    random = np.random.default_rng(seed)

    def matrix(*shape: int) -> Matrix:
        return (random.standard_normal(shape) * spread).astype(np.float32)

    return {
        tensor.name: (matrix(rank, int(tensor.shape[0])), matrix(int(tensor.shape[1]), rank))
        for tensor in gguf.GGUFReader(model).tensors
        if tensor.name.startswith("blk.") and len(tensor.shape) == 2
    }


def write_lora(path: Path, lora: Lora, *, alpha: float = 8.0, architecture: str = "llama") -> Path:
    """Write a GGUF LoRA file as llama.cpp's own converter does."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    for name, (a, b) in lora.items():
        writer.add_tensor(f"{name}.lora_a", a)
        writer.add_tensor(f"{name}.lora_b", b)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def merged(model: Path, lora: Lora, target: Path, *, alpha: float = 8.0) -> Path:
    """Write a float32 model again with an adapter added to its weights."""
    reader = gguf.GGUFReader(model)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target, architecture)
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key != "general.architecture":
            of = field.types[-1] if field.types[0] is gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(key, field.contents(), field.types[0], of)
    for tensor in reader.tensors:
        data = tensor.data
        if tensor.name in lora:
            a, b = lora[tensor.name]
            data = (data + alpha / len(a) * (b @ a)).astype(np.float32)
        writer.add_tensor(tensor.name, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def given(path: Path, name: str) -> Adapter:
    """A file as a worker is told of it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Adapter(name=f"accounts/test/models/{name}", digest=digest, path=str(path))


def tiny_adapters(folder: Path, model: Path) -> list[Adapter]:
    """Two adapters that make a model speak differently."""
    return [
        given(write_lora(folder / f"{name}.gguf", random_lora(model, seed=seed)), name)
        for seed, name in enumerate(("first", "second"))
    ]
