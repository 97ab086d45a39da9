"""The nearest word to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable

_NEAR = 0.6  # difflib's ratio; below it a suggestion confuses more than it helps


def suggestion(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing."""
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=_NEAR)
    return f" (did you mean {found[0]!r}?)" if found else ""
