"""Reads GGUF LoRA files, as llama.cpp's `convert_lora_to_gguf.py` writes them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np

from hearth.engines.engine import Failed
from hearth.engines.llm.native.architecture import Architecture, Site
from hearth.engines.llm.native.backend import AdapterWeights, LoraPair
from hearth.engines.llm.native.weights.finite import is_finite
from hearth.engines.llm.native.weights.gguf_file import gguf_architecture, half_split_rows
from hearth.engines.llm.native.weights.gguf_tensors import GgufTensors
from hearth.engines.llm.native.weights.names import GGUF_SITES
from hearth.engines.protocol import Failure
from hearth.errors import SetupError

_TENSOR = re.compile(r"blk\.(\d{1,5})\.([a-z_]+)\.weight\.lora_[ab]")
_SITE_BY_NAME: dict[str, Site] = {name: site for site, name in GGUF_SITES.items()}
_ALORA = "adapter.alora.invocation_tokens"
_MAX_RANK = 4096


def read_lora(
    path: Path, digest: str, architecture: Architecture, *, is_permuted: bool
) -> AdapterWeights:
    """Read an adapter.

    Args:
        digest: sha256 of the file, in hex.
        architecture: of its base.
        is_permuted: the rows of queries and keys are in llama.cpp's order.

    Raises:
        Failed: it has changed, is damaged, or was made for another base.
    """
    try:
        _check_digest(path, digest)
        tensors = GgufTensors(path)
        _check_kind(tensors, architecture)
        pairs = {
            place: _pair(tensors, place, architecture, is_permuted=is_permuted)
            for place in _places(tensors)
        }
    except OSError as error:
        raise _invalid(f"The adapter {path} cannot be read: {error.strerror}.") from None
    except SetupError as error:
        raise _invalid(str(error)) from None
    if not pairs:
        raise _invalid(f"{path.name} holds no LoRA matrix, so it would change nothing.")
    return pairs


def _check_digest(path: Path, digest: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        raise SetupError(
            f"The adapter's file {path} has changed: its sha256 is {found}, not {digest}. "
            "Convert it anew."
        )


def _check_kind(tensors: GgufTensors, architecture: Architecture) -> None:
    about, name = tensors.metadata, tensors.path.name
    is_lora = about.get("general.type") == "adapter" and about.get("adapter.type") == "lora"
    if not is_lora or _ALORA in about:
        raise SetupError(f"{name} is no LoRA adapter of the kind that is served here.")
    wanted, found = gguf_architecture(architecture.family), about.get("general.architecture")
    if found != wanted:
        raise SetupError(f"{name} is an adapter for {found}; its base is {wanted}.")


def _places(tensors: GgufTensors) -> list[tuple[int, Site]]:
    """Return where the matrices of a file belong."""
    places: set[tuple[int, Site]] = set()
    for name in tensors:
        found = _TENSOR.fullmatch(name)
        if found is None or found[2] not in _SITE_BY_NAME:
            raise SetupError(
                f"{tensors.path.name} changes {name}; adapters change the linear maps of layers."
            )
        places.add((int(found[1]), _SITE_BY_NAME[found[2]]))
    return sorted(places)


def _pair(
    tensors: GgufTensors,
    place: tuple[int, Site],
    architecture: Architecture,
    *,
    is_permuted: bool,
) -> LoraPair:
    layer, site = place
    names = [f"blk.{layer}.{GGUF_SITES[site]}.weight.lora_{half}" for half in "ab"]
    if any(name not in tensors for name in names) or layer >= architecture.num_layers:
        raise _other_base(tensors, names[0])
    (rank, *columns), b_shape = tensors.shape(names[0]), tensors.shape(names[1])
    rows, wanted = architecture.shape(site)
    if columns != [wanted] or b_shape != (rows, rank) or rank > _MAX_RANK:
        raise _other_base(tensors, names[0])
    is_turned = is_permuted and site in ("q", "k")
    order = half_split_rows(architecture, is_query=site == "q") if is_turned else None
    with np.errstate(over="ignore"):
        b = tensors.read(names[1], order) * np.float32(_scale(tensors, rank))
    if not is_finite(b):
        raise SetupError(f"{tensors.path.name}: {names[1]} times alpha is not finite.")
    return LoraPair(a=tensors.read(names[0]), b=b)


def _scale(tensors: GgufTensors, rank: int) -> float:
    """Alpha over rank; one where a file has no alpha, as in llama.cpp."""
    alpha = tensors.metadata.get("adapter.lora.alpha")
    if not isinstance(alpha, int | float) or alpha == 0:
        return 1.0
    if not abs(alpha) < 1e6:
        raise SetupError(f"The alpha of {tensors.path.name} is {alpha}, which makes no sense.")
    return alpha / rank


def _other_base(tensors: GgufTensors, name: str) -> SetupError:
    return SetupError(
        f"{tensors.path.name} is made for another base: its {name.removesuffix('.lora_a')} is no "
        "pair of matrices of the right size."
    )


def _invalid(message: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message))
