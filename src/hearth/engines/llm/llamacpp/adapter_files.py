"""Adapters before a native library, whose errors say little, sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from hearth.engines.llm.gguf_metadata import read_metadata
from hearth.engines.protocol import Adapter
from hearth.errors import SetupError


def check_adapters(adapters: Sequence[Adapter]) -> None:
    """Check that each is named once, is an adapter, and has the bytes it was promised with.

    Raises:
        SetupError: naming the adapter.
    """
    names = [each.name for each in adapters]
    if len(set(names)) != len(names):
        raise SetupError("An adapter is given twice; give each name once.")
    for each in adapters:
        path = Path(each.path)
        if read_metadata(path).get("general.type") != "adapter":
            raise SetupError(f"{path} is a model, not the adapter {each.name}.")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != each.digest:
            raise SetupError(
                f"The file {path} of the adapter {each.name} has changed: its sha256 is {digest}, "
                f"not {each.digest}. Convert it anew."
            )
