"""Stop strings across token and chunk borders."""

from __future__ import annotations

from collections.abc import Sequence


class StopMatcher:
    """Ends a text before the stop string that is complete first.

    Where several are complete at the same character, the longest counts. So the result depends on
    the text alone, never on how it was cut into pieces. Text that may be the start of a stop string
    is held back.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.met = ""
        "The stop string that ended the text."

    def push(self, text: str) -> tuple[str, bool]:
        """Add a piece; return what may be shown now, and whether a stop string was met.

        Once one is met, the matcher is done and must not be pushed again.
        """
        buffer = self._held + text
        match = self._first_match(buffer)
        if match is not None:
            end, start = match
            self._held, self.met = "", buffer[start:end]
            return buffer[:start], True
        keep = self._hold_from(buffer)
        self._held = buffer[keep:]
        return buffer[:keep], False

    def flush(self) -> str:
        """Return what is still held back: the text ended, so it is no stop string."""
        held, self._held = self._held, ""
        return held

    def _first_match(self, buffer: str) -> tuple[int, int] | None:
        """Return where the stop string that counts ends and begins."""
        best: tuple[int, int] | None = None
        for stop in self._stops:
            start = buffer.find(stop)
            if start >= 0:
                match = (start + len(stop), start)
                best = match if best is None else min(best, match)
        return best

    def _hold_from(self, buffer: str) -> int:
        """Return where the longest end of the buffer that could begin a stop string starts."""
        keep = len(buffer)
        for stop in self._stops:
            start = buffer.find(stop[0], max(0, len(buffer) - len(stop) + 1), keep)
            while start >= 0:
                if stop.startswith(buffer[start:]):
                    keep = start
                    break
                start = buffer.find(stop[0], start + 1, keep)
        return keep
