"""Keeps what clients write apart from what the template writes, while both are one text.

A message may hold text that looks like a special token. With `safe_tokenization` it must reach the
model as plain text, so every text of the request is put between marks nobody can guess; after
rendering, the marks say which parts may be parsed for special tokens.
"""

from __future__ import annotations

import re
import secrets
from typing import TypeVar

from hearth.engines.llm.conversation import Arguments
from hearth.engines.llm.truncate import Piece

_Value = TypeVar("_Value")

_HARMLESS = re.compile(r"[\w\- ]*", re.ASCII)  # no tokeniser has a special token of these alone


class Guard:
    """The marks of one request. Private-use characters around a number, so filters keep them."""

    def __init__(self) -> None:
        number = secrets.randbits(64)
        self._begin = f"\ue000{number}\ue001"
        self._end = f"\ue000{number}\ue002"
        self._marks = re.compile(f"({self._begin}|{self._end})")

    def mark(self, value: _Value) -> _Value:
        """Return a copy with every text inside marked; white space around it stays outside."""
        return self._marked(value)  # type: ignore[return-value]  # each kind gives its own kind

    def pieces(self, rendered: str) -> list[Piece]:
        """Cut a rendering at its marks; neighbours of one kind are one piece."""
        pieces: list[Piece] = []
        is_plain = False
        for part in self._marks.split(rendered):
            if part in (self._begin, self._end):
                is_plain = part == self._begin
            elif part:
                _append(pieces, part, is_plain=is_plain)
        return pieces

    def _marked(self, value: object) -> object:
        if isinstance(value, str):
            return value if _HARMLESS.fullmatch(value) else self._around(value)
        if isinstance(value, dict):
            marked = {str(self._marked(key)): self._marked(part) for key, part in value.items()}
            return Arguments(marked) if isinstance(value, Arguments) else marked
        return [self._marked(part) for part in value] if isinstance(value, list) else value

    def _around(self, text: str) -> str:
        core = text.strip()
        before = text[: len(text) - len(text.lstrip())]
        after = text[len(before) + len(core) :]
        return f"{before}{self._begin}{core}{self._end}{after}"


def _append(pieces: list[Piece], text: str, *, is_plain: bool) -> None:
    if pieces and pieces[-1].is_plain == is_plain:
        text = pieces.pop().text + text
    pieces.append(Piece(text, is_plain=is_plain, is_start=not pieces))
