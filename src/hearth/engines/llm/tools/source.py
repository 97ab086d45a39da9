"""The text a parser has not read yet, which comes in pieces.

A reader is a generator: it yields where it needs more text and goes on when that has come. So it
decides by the text alone, never by how it was cut.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Reading: TypeAlias = Generator[None, None, T]

_SPACES = re.compile(r"[ \t\r\n]*")


class Source:
    """What has been pushed and not been read; remembers what may have to be given back."""

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        self._kept: list[str] | None = None

    def feed(self, text: str) -> None:
        """Add a piece to what was not read."""
        self.text = self.text[self.at :] + text if self.at < len(self.text) else text
        self.at = 0

    def take(self, end: int) -> str:
        """Read up to a place in `text`."""
        piece = self.text[self.at : end]
        self.at = end
        if self._kept is not None:
            self._kept.append(piece)
        return piece

    def keep(self) -> None:
        """Remember all that is read from here on, unless something is remembered already."""
        if self._kept is None:
            self._kept = []

    def forget(self) -> None:
        """What was read has been understood."""
        self._kept = None

    def release(self) -> str:
        """Return what was read and not understood, and forget it."""
        kept = "".join(self._kept or ())
        self._kept = None
        return kept

    def peek(self) -> Reading[str]:
        """Return the next character without reading it; empty at the end of the text."""
        while self.at >= len(self.text):
            if self.ended:
                return ""
            yield
        return self.text[self.at]

    def literal(self, word: str) -> Reading[bool]:
        """Read exactly this word, or nothing."""
        while len(self.text) - self.at < len(word):
            if self.ended or not word.startswith(self.text[self.at :]):
                return False
            yield
        if not self.text.startswith(word, self.at):
            return False
        self.take(self.at + len(word))
        return True

    def spaces(self) -> Reading[str]:
        """Read white space, if there is any."""
        return (yield from self.run(_SPACES))

    def run(self, pattern: re.Pattern[str]) -> Reading[str]:
        """Read the characters that match a pattern of the form `[…]*`."""
        pieces = []
        while True:
            match = pattern.match(self.text, self.at)
            assert match is not None
            pieces.append(self.take(match.end()))
            if self.at < len(self.text) or self.ended:
                return "".join(pieces)
            yield
