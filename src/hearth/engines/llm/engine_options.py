"""Checking the options that a spec gives to an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

from hearth.errors import SetupError

Options = TypeVar("Options", bound=Struct)


def parse_options(
    kind: type[Options], engine: str, options: Mapping[str, str | int | float | bool]
) -> Options:
    """Read an engine's own options.

    Raises:
        SetupError: a name is unknown or a value cannot be used.
    """
    try:
        return msgspec.convert(options, kind, strict=True)
    except msgspec.ValidationError as error:
        raise SetupError(
            f"An option of the engine {engine} is wrong: {error}. "
            f"Known: {', '.join(kind.__struct_fields__)}."
        ) from None
