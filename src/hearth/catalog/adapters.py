"""Adapters in the form an engine loads: made once for each base, kept beside the adapter.

The file is `<adapter's folder>/.lora/<form>-<base>-<sha256>.gguf`. It goes with the folder when the
adapter is replaced or deleted; a worker that has loaded it needs it no longer.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from hearth.catalog.adapted_models import AdaptedModel, adapted_model
from hearth.catalog.store import make_folder
from hearth.catalog.types import ModelType, Weights
from hearth.engines.protocol import Adapter
from hearth.errors import InvalidRequest, SetupError

FOLDER = ".lora"
_FORM = "v1"  # changes with what conversion makes of the same adapter
_BASE_DIGITS = 16


def adapter_for(adapter: Weights, base: Weights) -> Adapter:
    """What a worker that serves `base` is told to load `adapter`; converts it the first time.

    A PEFT folder becomes a GGUF LoRA file; one that came as GGUF is checked and stays as it is.
    Blocks for as long as reading and writing the adapter takes.

    Raises:
        InvalidRequest: it is no adapter, is made for another base, or cannot be served; the
            message says why.
        SetupError: the home folder cannot be written.
    """
    if adapter.inspection.type is not ModelType.ADAPTER:
        raise InvalidRequest(f"{adapter.name} is a model, not an adapter.", param="model")
    path = _made(adapter, base.identity)
    if path is None:
        _check_open(adapter, base)
        path = _make(adapter, adapted_model(base))
    return Adapter(name=adapter.name, digest=path.stem.rpartition("-")[2], path=str(path))


def base_named_by(adapter: Weights) -> str:
    """The base model that an adapter's own config names, in whatever words; empty: none."""
    from hearth.catalog.peft_config import read_peft_config

    if adapter.format == "gguf":
        return ""
    return read_peft_config(adapter.folder).base_model_name_or_path or ""


def _check_open(adapter: Weights, base: Weights) -> None:
    """Raises `InvalidRequest` where one of them lies encrypted, so that they cannot be compared."""
    if base.is_sealed:
        raise InvalidRequest(
            f"model: the weights of {base.name} are sealed for a deployment under compliance, so "
            f"{adapter.name} can no longer be fitted to them. Adapters that were loaded on them "
            "once, before that deployment was made, can be loaded.",
            param="model",
        )
    if adapter.is_sealed:
        raise InvalidRequest(
            f"model: {adapter.name} is sealed for a deployment under compliance, and was fitted "
            f"to another base than {base.name}; upload it once more under another name.",
            param="model",
        )


def _made(adapter: Weights, base_digest: str) -> Path | None:
    found = (adapter.folder / FOLDER).glob(f"{_FORM}-{base_digest[:_BASE_DIGITS]}-*.gguf")
    return next(found, None)


def _make(adapter: Weights, base: AdaptedModel) -> Path:
    folder = make_folder(adapter.folder / FOLDER)
    try:
        return _write_whole(adapter, base, folder)
    except OSError as error:
        raise SetupError(f"{adapter.name} cannot be converted in {folder}: {error}.") from error


def _write_whole(adapter: Weights, base: AdaptedModel, folder: Path) -> Path:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        part = Path(scratch) / "adapter.gguf"
        _write(adapter, base, part)
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        final = folder / f"{_FORM}-{base.digest[:_BASE_DIGITS]}-{digest}.gguf"
        part.rename(final)
    return final


def _write(adapter: Weights, base: AdaptedModel, target: Path) -> None:
    # numpy takes a tenth of a second to import, and most processes convert nothing
    from hearth.catalog.lora_gguf import check_lora, write_lora
    from hearth.catalog.peft_adapter import read_peft

    if adapter.format == "gguf":
        check_lora(adapter.path, base)
        shutil.copyfile(adapter.path, target)
    else:
        write_lora(target, read_peft(adapter.folder, adapter.path, base), base)
