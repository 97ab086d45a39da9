"""Durations as the control plane writes them: `30s`, `5m`, `1h0m0s` (Go's `time.Duration`)."""

from __future__ import annotations

import re

from hearth.errors import InvalidRequest

_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)([hms])", re.ASCII)


def read_duration_s(text: str, default_s: float, *, param: str) -> float:
    """Seconds of a duration; of an empty one, the default.

    Raises:
        InvalidRequest: it is none.
    """
    if not text:
        return default_s
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        raise InvalidRequest(
            f"{param}: write a duration such as 90s, 5m or 1h30m, not {text[:40]!r}.", param=param
        )
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)
