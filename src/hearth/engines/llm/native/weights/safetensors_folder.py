"""The weights in a folder as transformers saves it: one safetensors file, or shards of one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.weights.fields import Fields, read_object
from hearth.engines.llm.native.weights.finite import is_finite
from hearth.engines.llm.native.weights.names import hf_name, is_norm
from hearth.engines.safetensors import SafetensorsFile
from hearth.errors import SetupError

_INDEX, _SINGLE = "model.safetensors.index.json", "model.safetensors"
_EMBEDDING = "embed_tokens.weight"
_TOWERS = ("vision", "audio")


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold a model's weights.

    Raises:
        SetupError: there are none, or the index names one that cannot be in the folder.
    """
    index = read_object(folder / _INDEX)
    if index is None:
        if not (folder / _SINGLE).is_file():
            raise SetupError(f"{folder} holds neither {_SINGLE} nor {_INDEX}; fetch it again.")
        return [folder / _SINGLE]
    names = Fields(index, str(folder / _INDEX)).part("weight_map").values.values()
    files = sorted({str(name) for name in names})
    for name in files:
        if PurePosixPath(name).name != name or not name.endswith(".safetensors"):
            raise SetupError(f"{folder / _INDEX} names the file {name!r}, which is none of it.")
    return [folder / name for name in files]


class SafetensorsWeights:
    """`Weights` that are read from their files when they are asked for.

    Args:
        architecture: what they must be weights of.

    Raises:
        SetupError: a file is damaged, or a tensor is missing or of another shape.
    """

    def __init__(self, folder: Path, architecture: Architecture) -> None:
        self.architecture = architecture
        self._folder = folder
        files = [SafetensorsFile(path) for path in weight_files(folder)]
        self._file_of = {name: file for file in files for name in file.tensors}
        self._names = _their_names(self._file_of, architecture)
        for name, shape in architecture.tensor_shapes().items():
            self._check(self._names[name], shape)

    def tensor(self, name: str) -> Floats:
        """See `Weights`. Gemma's norms multiply by one more than their weight; that is added."""
        theirs = self._names[name]
        array = self._file_of[theirs].array(theirs)
        if not is_finite(array):
            raise SetupError(
                f"The tensor {theirs} in {self._folder} holds numbers that are not finite; "
                "fetch it again."
            )
        if is_norm(name) and self.architecture.family.startswith("gemma"):
            return array + np.float32(1)
        return array

    def _check(self, theirs: str, shape: tuple[int, ...]) -> None:
        file = self._file_of.get(theirs)
        if file is None:
            raise SetupError(f"{self._folder} lacks the tensor {theirs}; fetch it again.")
        found = file.tensors[theirs].shape
        if found != shape:
            raise SetupError(
                f"The tensor {theirs} in {self._folder} has the shape {list(found)}; its config "
                f"promises {list(shape)}."
            )


def _their_names(tensors: Mapping[str, object], architecture: Architecture) -> dict[str, str]:
    """Map our names to those in the files; models that also see have a longer prefix."""
    embeddings = [
        name
        for name in tensors
        if name.endswith(_EMBEDDING) and not any(tower in name for tower in _TOWERS)
    ]
    prefix = min(embeddings, key=len, default=f"model.{_EMBEDDING}").removesuffix(_EMBEDDING)
    heads = ("lm_head.weight", "language_model.lm_head.weight")
    names = {"head": next((name for name in heads if name in tensors), heads[0])}
    for name in architecture.tensor_shapes():
        if name != "head":
            names[name] = prefix + hf_name(name, has_post_norms=architecture.has_post_norms)
    return names
