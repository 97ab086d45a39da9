"""As much of Prometheus' query language as is needed to see which series a query reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_GROUPING = re.compile(r"\b(by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SERIES = re.compile(r"\b(hearth_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?(?!\s*\()")
_MATCHER = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)")


class Series(NamedTuple):
    """A metric that a query reads, and the labels it is selected by."""

    name: str
    labels: frozenset[str]


def series_of(query: str) -> Iterator[Series]:
    """Every series that a query names."""
    for name, matchers in _SERIES.findall(_STRING.sub('""', query)):
        yield Series(name, frozenset(_MATCHER.findall(matchers)))


def grouped_by(query: str) -> set[str]:
    """The labels that a query groups or joins by."""
    groups = _GROUPING.findall(_STRING.sub('""', query))
    return {label.strip() for _, labels in groups for label in labels.split(",") if label.strip()}
