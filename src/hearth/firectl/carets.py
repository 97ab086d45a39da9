"""A filter with a caret under the place where the server stopped reading it."""

from __future__ import annotations

import re

_PLACE = re.compile(r"\b(position|column) (\d+)")  # columns count from 1
_QUOTED = re.compile(r"'([^']+)'|\"([^\"]+)\"|`([^`]+)`")


def under_filter(words: list[str], message: str) -> tuple[str, ...]:
    """Two lines, or none where the message says no place."""
    source = _filter_of(words)
    place = _place(source, message)
    return () if place is None else (f"  {source}", "  " + " " * place + "^")


def _filter_of(words: list[str]) -> str:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith("--filter="):
            return word.partition("=")[2]
        if word == "--filter":
            return following
    return ""


def _place(source: str, message: str) -> int | None:
    if not source:
        return None
    if found := _PLACE.search(message):
        place = int(found.group(2)) - (found.group(1) == "column")
        return min(max(0, place), len(source))
    if "at its end" in message:
        return len(source)
    for groups in _QUOTED.findall(message):
        named = "".join(groups)
        if named in source:
            return source.index(named)
    return None
