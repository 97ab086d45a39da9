"""Tiny weights, written by the reference libraries' own rules rather than by ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quants

TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"
WIDTH, VOCABULARY = 64, 40


def write_gguf(
    path: Path,
    *,
    architecture: str = "llama",
    template: str | None = TEMPLATE,
    quantisation: GGMLQuantizationType | None = None,
    seed: int = 0,
    big: int = 0,
    experts: tuple[int, int] = (0, 0),
) -> dict[str, Any]:
    """Write a model with a head, a matrix and a norm; returns the tensors as float32.

    `big`: that many more rows, to make the file larger; `experts`: how many there are, and used.
    """
    draw = np.random.default_rng(seed)
    tensors = {
        "token_embd.weight": draw.normal(size=(VOCABULARY + big, WIDTH)).astype(np.float32),
        "blk.0.attn_q.weight": draw.normal(size=(WIDTH, WIDTH)).astype(np.float32),
        "blk.0.attn_norm.weight": draw.normal(size=WIDTH).astype(np.float32),
    }
    if experts[0]:
        shape = (experts[0], WIDTH, WIDTH)
        tensors["blk.0.ffn_up_exps.weight"] = draw.normal(size=shape).astype(np.float32)
    writer = GGUFWriter(path, architecture)
    if experts[0]:
        writer.add_expert_count(experts[0])
        writer.add_expert_used_count(experts[1])
    writer.add_context_length(512)
    writer.add_file_type(0)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"token{i}" for i in range(VOCABULARY)])
    writer.add_float32("test.float", 0.5)
    writer.add_bool("test.bool", True)
    writer.add_array("test.numbers", [1, 2, 3])
    if template is not None:
        writer.add_chat_template(template)
    for name, values in tensors.items():
        if quantisation is not None and values.ndim == 2:
            writer.add_tensor(name, quants.quantize(values, quantisation), raw_dtype=quantisation)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def gguf_bytes(folder: Path, **options: Any) -> bytes:  # Any: the options of write_gguf
    """The content of a tiny GGUF."""
    path = folder / "made.gguf"
    write_gguf(path, **options)
    content = path.read_bytes()
    path.unlink()
    return content


def write_safetensors(path: Path, tensors: dict[str, Any]) -> None:
    """Write float32 arrays by the format's description."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in tensors.items():
        raw = values.astype(np.float32).tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": offsets}
        data += raw
    encoded = json.dumps(header).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + data)


def write_model_folder(folder: Path, config: dict[str, object] | None = None) -> None:
    """Write a folder as transformers saves one."""
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(folder / "model.safetensors", {"a": np.zeros((4, 8)), "b": np.zeros(3)})
    config = config or {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "max_position_embeddings": 2048,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": {}}}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE}))
