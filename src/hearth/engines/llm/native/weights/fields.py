"""Reads a JSON object field by field, so that what is wrong is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from hearth.errors import SetupError

_MAX_JSON_BYTES = 256 << 20
_LEAST, _MOST = 1e-30, 1e30  # what float32 computes with


class Fields:
    """The fields of an object; null counts as absent wherever a default is given.

    Args:
        values: as JSON has them.
        where: what they are of, for messages.
    """

    def __init__(self, values: Mapping[str, object], where: str) -> None:
        self.values = values
        self.where = where

    def get(self, name: str) -> object:
        """Return a field as it is; None where it is absent."""
        return self.values.get(name)

    def count(self, name: str, most: int, *, default: int | None = None) -> int:
        """Return a whole number from 1 to `most`."""
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise self.wrong(name, f"a whole number from 1 to {most}")
        return value

    def number(self, name: str, *, default: float | None = None) -> float:
        """Return a positive number of a size that float32 computes with."""
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, "a number")
        if not _LEAST < value < _MOST:
            raise self.wrong(name, "positive and finite")
        return float(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def text(self, name: str, *, default: str = "") -> str:
        """Return a string."""
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return value

    def part(self, name: str) -> Fields:
        """Return an object inside; an empty one where it is absent."""
        value = self.values.get(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return Fields(value, f"{name} of {self.where}")

    def words(self, name: str, known: Sequence[str], *, count: int) -> list[str] | None:
        """Return a list of so many known words; None where it is absent."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != count:
            raise self.wrong(name, f"a list of {count}")
        if any(word not in known for word in value):
            raise self.wrong(name, f"made of {', '.join(known)}")
        return [str(word) for word in value]

    def wrong(self, name: str, wanted: str) -> SetupError:
        """Make the error that says what a field must be."""
        value = self.values.get(name)
        shown = "missing" if value is None else repr(value)[:80]
        return SetupError(f"The field {name} of {self.where} is {shown}; it must be {wanted}.")


def read_object(path: Path) -> Mapping[str, object] | None:
    """Read a JSON object; None where there is no such file.

    Raises:
        SetupError: it cannot be read, or is something else.
    """
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise SetupError(f"{path} cannot be used: it is impossibly long.")
        return msgspec.json.decode(path.read_bytes(), type=dict[str, object])
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SetupError(f"{path} cannot be used: {error}.") from None
