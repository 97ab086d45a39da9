"""PEFT folders as the library saves them, and stores that hold them beside a base."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

from hearth.catalog import Catalog, ModelStore, Weights, plan_pull
from tests.catalog.weights import write_safetensors
from tests.engines.adapters import MODULES

Matrices = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
"By module, such as `layers.0.self_attn.q_proj`: A and B, rows as transformers has them."

CONFIG = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "bias": "none", "target_modules": ["all"]}


def random_matrices(
    base: Path, *, seed: int = 0, rank: int = 4, ranks: Mapping[str, int] | None = None
) -> Matrices:
    """An adapter of every linear module of a model; `ranks` by the module's last name."""
    random = np.random.default_rng(seed)
    matrices: Matrices = {}
    for tensor in gguf.GGUFReader(base).tensors:
        _, _, rest = tensor.name.partition("blk.")
        layer, _, name = rest.removesuffix(".weight").partition(".")
        if name not in MODULES:
            continue
        of = (ranks or {}).get(MODULES[name].partition(".")[2], rank)
        columns, rows = (int(each) for each in tensor.shape)
        matrices[f"layers.{layer}.{MODULES[name]}"] = (
            (random.standard_normal((of, columns)) * 0.3).astype(np.float32),
            (random.standard_normal((rows, of)) * 0.3).astype(np.float32),
        )
    return matrices


def write_peft(
    folder: Path,
    matrices: Matrices,
    *,
    more: Mapping[str, NDArray[np.float32]] | None = None,
    **config: Any,  # Any: JSON values
) -> Path:
    """Write a folder; `more`: tensors that are not LoRA matrices of a module."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Any] = dict(more or {})
    for module, (a, b) in matrices.items():
        tensors[f"base_model.model.model.{module}.lora_A.weight"] = a
        tensors[f"base_model.model.model.{module}.lora_B.weight"] = b
    write_safetensors(folder / "adapter_model.safetensors", tensors)
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG | config))
    return folder


class Puller:
    """Brings folders and files into a store, as models of the account `me`."""

    def __init__(self, store: ModelStore, catalog: Catalog) -> None:
        self.store = store
        self._catalog = catalog

    def __call__(self, source: Path, name: str) -> Weights:
        spec = plan_pull(self._catalog, str(source), account_id="me", as_id=name)
        return self.store.pull(spec)
