"""Where a command writes: results to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from typing import TextIO


class Screen:
    """Two streams, and a line that shows progress.

    On a terminal the progress line is written over and over; in a pipe each change is a line.
    """

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._progress = ""

    @property
    def is_live(self) -> bool:
        """Whether a person watches the progress line."""
        return self._err.isatty()

    def write(self, text: str) -> None:
        """A result."""
        self.end_progress()
        self._out.write(text if text.endswith("\n") else text + "\n")
        self._out.flush()

    def note(self, text: str) -> None:
        """A line for a person, which scripts that read results do not see."""
        self.end_progress()
        self._err.write(text + "\n")
        self._err.flush()

    def progress(self, text: str) -> None:
        """What is going on now."""
        if text == self._progress:
            return
        self._progress = text
        self._err.write(f"\r\x1b[K{_cut(text)}" if self.is_live else f"{text}\n")
        self._err.flush()

    def end_progress(self) -> None:
        """Leave the last progress line as it is."""
        if self._progress and self.is_live:
            self._err.write("\n")
            self._err.flush()
        self._progress = ""


def _cut(text: str) -> str:
    """As much as one line of the terminal holds: a longer one could not be written over."""
    import shutil

    width = shutil.get_terminal_size().columns - 1
    return text if len(text) <= width else text[: width - 1] + "…"
