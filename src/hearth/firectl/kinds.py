"""What flags take: how the text of a command line becomes a value of the wire.

A kind's `parse` raises `ValueError` with words that complete "--flag: …".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A sort of value: what help calls it, how it is read, and what completion offers."""

    metavar: str
    parse: Callable[[str], Any]  # Any: a JSON value
    choices: tuple[str, ...] = ()


def seconds_of(text: str) -> float:
    """Read a duration as Go writes it, such as `1h0m0s`.

    Raises:
        ValueError: it is none.
    """
    parts = _DURATION.findall(text)
    if text == "0":
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"write a duration such as 30s, 10m or 1h30m, not {text!r}")
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts)


def _duration(text: str) -> str:
    """The wire's form: seconds and an `s`."""
    return f"{seconds_of(text):.9f}".rstrip("0").rstrip(".") + "s"


def _time(text: str) -> str:
    """RFC 3339 from a date or a date and time, which are UTC where they name no zone."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"write YYYY-MM-DD or 'YYYY-MM-DD HH:MM:SS', not {text!r}") from None
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"write a whole number, not {text!r}") from None


def _count(text: str) -> int:
    number = _integer(text)
    if number < 0:
        raise ValueError(f"write a whole number from 0, not {text!r}")
    return number


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"write a number, not {text!r}") from None
    return int(number) if number.is_integer() else number


def is_true(text: str) -> bool:
    """Read `true` or `false`.

    Raises:
        ValueError: it is neither.
    """
    if text.lower() not in ("true", "false"):
        raise ValueError(f"write true or false, not {text!r}")
    return text.lower() == "true"


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(text: str) -> list[float]:
    return [_number(part) for part in _list(text)]


def _map(text: str) -> dict[str, str]:
    pairs = {}
    for part in _list(text):
        key, mark, value = part.partition("=")
        if not mark or not key:
            raise ValueError(f"write name=value[,name=value], not {part!r}")
        pairs[key.strip()] = value.strip()
    return pairs


def _number_map(text: str) -> dict[str, float]:
    return {key: _number(value) for key, value in _map(text).items()}


def _enum(text: str) -> str:
    return text.upper().replace("-", "_")


def choice(*names: str) -> Kind:
    """One of a closed set, in any case and with `-` or `_`, sent in capitals."""

    def parse(text: str) -> str:
        wanted = _enum(text)
        if wanted not in {_enum(name) for name in names}:
            raise ValueError(f"write one of {', '.join(names)}, not {text!r}")
        return wanted

    return Kind(metavar="NAME", parse=parse, choices=names)


def open_choice(*names: str, short: dict[str, str] | None = None) -> Kind:
    """A name in capitals; the server may know more of them than are offered here.

    Args:
        names: what completion offers.
        short: other spellings, in small letters, and what they stand for.
    """
    spelled = short or {}

    def parse(text: str) -> str:
        return spelled.get(text.lower(), _enum(text))

    return Kind(metavar="NAME", parse=parse, choices=(*spelled, *names))


def words(*names: str) -> Kind:
    """One of a closed set, exactly as written."""

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"write one of {', '.join(names)}, not {text!r}")
        return text

    return Kind(metavar="NAME", parse=parse, choices=names)


TEXT = Kind(metavar="TEXT", parse=str)
NAME = Kind(metavar="NAME", parse=str)
PATH = Kind(metavar="PATH", parse=str)
INTEGER = Kind(metavar="N", parse=_integer)
COUNT = Kind(metavar="N", parse=_count)
INT64 = Kind(metavar="N", parse=lambda text: str(_integer(text)))
NUMBER = Kind(metavar="NUMBER", parse=_number)
DURATION = Kind(metavar="DURATION", parse=_duration)
TIME = Kind(metavar="TIME", parse=_time)
LIST = Kind(metavar="A,B,…", parse=_list)
NUMBERS = Kind(metavar="N,N,…", parse=_numbers)
MAP = Kind(metavar="K=V,…", parse=_map)
NUMBER_MAP = Kind(metavar="K=N,…", parse=_number_map)
SWITCH = Kind(metavar="", parse=is_true, choices=("true", "false"))
"Needs no value; `--flag=false` and `--flag false` turn it off."
