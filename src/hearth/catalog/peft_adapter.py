"""From a PEFT folder to the pairs of matrices that a GGUF LoRA file holds."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from msgspec import Struct

from hearth.catalog.adapted_models import TENSORS, AdaptedModel, Matrix
from hearth.catalog.peft_config import PeftConfig, read_peft_config
from hearth.catalog.safetensors_data import read_tensors
from hearth.errors import InvalidRequest

_TENSOR = re.compile(
    r"(?:base_model\.model\.)?"
    r"(?P<module>(?:(?:model|language_model)\.)*layers\.(?P<layer>\d{1,4})\."
    rf"(?P<part>{'|'.join(map(re.escape, TENSORS))}))"
    r"\.lora_(?P<side>[AB])(?:\.\w+)?\.weight\Z"
)


class Pair(Struct):
    """The two matrices of one module, `a` of (rank, columns) and `b` of (rows, rank)."""

    module: str
    tensor: str
    "The base's, in GGUF's words."
    a: Matrix | None = None
    b: Matrix | None = None


class Lora(Struct, frozen=True):
    """An adapter as GGUF has it: each product times `alpha` over its rank."""

    alpha: float
    pairs: dict[str, tuple[Matrix, Matrix]]
    "By tensor of the base."


def read_peft(folder: Path, entry: Path, base: AdaptedModel) -> Lora:
    """Read an adapter and fit it to a base.

    Args:
        entry: the file of its tensors.

    Raises:
        InvalidRequest: it is damaged, is made for another base, or holds what cannot be served.
    """
    config = read_peft_config(folder)
    pairs = _pairs(entry)
    alpha = config.lora_alpha * (config.r**0.5 if config.use_rslora else 1)
    return Lora(alpha, {pair.tensor: _fitted(pair, config, base, alpha) for pair in pairs.values()})


def _pairs(entry: Path) -> dict[str, Pair]:
    pairs: dict[str, Pair] = {}
    unknown: list[str] = []
    for name, matrix in read_tensors(entry):
        match = _TENSOR.match(name)
        if match is None:
            unknown.append(name[:120])
            continue
        if not np.isfinite(matrix).all():
            raise InvalidRequest(f"{name} holds numbers that are not finite; train it again.")
        tensor = f"blk.{int(match['layer'])}.{TENSORS[match['part']]}.weight"
        pair = pairs.setdefault(tensor, Pair(match["module"], tensor))
        side = match["side"].lower()
        if getattr(pair, side) is not None:
            raise InvalidRequest(f"{name} is there twice under two names; keep one adapter.")
        setattr(pair, side, matrix)
    if unknown:
        shown = ", ".join(unknown[:3]) + (" and more" if len(unknown) > 3 else "")
        raise InvalidRequest(
            f"The adapter holds {shown}, which cannot be put on a model here; only LoRA matrices "
            f"of {', '.join(name.partition('.')[2] for name in TENSORS)} can."
        )
    if not pairs:
        raise InvalidRequest("The adapter holds no LoRA matrix, so it would change nothing.")
    return pairs


def _fitted(
    pair: Pair, config: PeftConfig, base: AdaptedModel, alpha: float
) -> tuple[Matrix, Matrix]:
    if pair.a is None or pair.b is None or pair.a.ndim != 2 or pair.b.ndim != 2:
        raise InvalidRequest(f"{pair.module} needs two matrices, lora_A and lora_B.")
    rank, columns = pair.a.shape
    rows = len(pair.b)
    if not rank == pair.b.shape[1] == config.rank(pair.module):
        raise InvalidRequest(
            f"The matrices of {pair.module} have the ranks {rank} and {pair.b.shape[1]}; the "
            f"config says {config.rank(pair.module)}."
        )
    shape = base.shapes.get(pair.tensor)
    if shape != (columns, rows):
        there = "is not there" if shape is None else f"has {shape[1]} rows of {shape[0]}"
        raise InvalidRequest(
            f"The adapter is made for another base than {base.name}: its {pair.module} has {rows} "
            f"rows of {columns}, {base.name}'s {there}."
        )
    b = base.ordered(pair.tensor.split(".")[2], pair.b)
    # The file has one alpha; where a module differs, its matrix makes up for it.
    factor = config.scaling(pair.module) * rank / alpha
    return pair.a, b if factor == 1 else (b * np.float32(factor))
