"""The files of a run: one model's weights in each engine's form, and random adapters of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from benchmarks import hearth_server
from benchmarks.llamacpp_forms import write_form
from benchmarks.native.arms import MODEL
from benchmarks.processes import CACHE
from hearth.catalog.adapted_models import AdaptedModel
from hearth.catalog.lora_gguf import write_lora
from hearth.catalog.peft_adapter import Lora
from hearth.engines.protocol import Adapter

RANK = 16

_Matrix = NDArray[np.float32]


def shipped() -> Path:
    """The model as its package has it, which `native` and all other forms are made from."""
    return hearth_server.model_as_shipped(MODEL)


def form(name: str) -> Path:
    """The same weights in another form of `llamacpp_forms`; written once."""
    path = CACHE / "forms" / f"{name}.gguf"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        write_form(shipped(), unfinished, name)
        unfinished.rename(path)
    return path


def write_adapters(model: Path, folder: Path, count: int, *, spread: float = 0.01) -> list[Adapter]:
    """Write random adapters of all linear maps; 20 MB each for SmolLM2-135M.

    Args:
        spread: the standard deviation of all numbers; at 0.1 answers differ from the base's.
    """
    reader = gguf.GGUFReader(model)
    shapes = {
        tensor.name: (int(tensor.shape[0]), int(tensor.shape[1]))
        for tensor in reader.tensors
        if tensor.name.startswith("blk.") and len(tensor.shape) == 2
    }
    base = AdaptedModel(
        name=MODEL,
        digest="",
        architecture=reader.fields["general.architecture"].contents(),
        shapes=shapes,
        heads={},
        is_rotated=True,
    )
    return [_write(folder / f"{seed}.gguf", base, seed, spread) for seed in range(count)]


def _write(path: Path, base: AdaptedModel, seed: int, spread: float) -> Adapter:
    random = np.random.default_rng(seed)

    def matrix(rows: int, columns: int) -> _Matrix:
        return random.standard_normal((rows, columns), np.float32) * np.float32(spread)

    pairs = {
        name: (matrix(RANK, columns), matrix(rows, RANK))
        for name, (columns, rows) in base.shapes.items()
    }
    write_lora(path, Lora(alpha=float(RANK), pairs=pairs), base)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Adapter(name=f"accounts/bench/models/{path.stem}", digest=digest, path=str(path))
