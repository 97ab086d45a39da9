"""What lies in a folder of weights: its files, and what sort of model they make."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hearth.firectl.failures import Failure
from hearth.firectl.http import Object

_LEFT_OUT = (".git", ".cache", "__pycache__")


def files_of(path: Path) -> dict[str, Path]:
    """The files to upload, by the names they get: their paths below the folder.

    Raises:
        Failure: there is nothing to upload.
    """
    if path.is_file():
        return {path.name: path}
    found: dict[str, Path] = {}
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(each for each in folders if each not in _LEFT_OUT)
        for name in sorted(names):
            file = Path(folder) / name
            if not name.startswith(".") and file.is_file():
                found[file.relative_to(path).as_posix()] = file
    if not found:
        raise Failure(f"{path} has no files to upload; give the folder that holds the weights.")
    return found


def adapter_details(path: Path) -> Object:
    """What the API asks of an adapter, from PEFT's `adapter_config.json`.

    Raises:
        Failure: the folder is no adapter of LoRA.
    """
    config_path = path / "adapter_config.json"
    try:
        config = json.loads(config_path.read_bytes())
        rank, modules = config["r"], config["target_modules"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(
            f"{config_path} is not there or is no configuration of a LoRA adapter; "
            "--base-model is for adapters, leave it out for a whole model."
        ) from error
    modules = [modules] if isinstance(modules, str) else list(modules)
    return {"r": rank, "targetModules": modules}
