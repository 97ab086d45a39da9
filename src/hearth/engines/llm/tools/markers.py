"""Text up to a marker that may be the start of a call."""

from __future__ import annotations

from hearth.engines.llm.tools.calls import Calls
from hearth.engines.llm.tools.source import Reading, Source


def pass_text(source: Source, calls: Calls, markers: tuple[str, ...]) -> Reading[str | None]:
    """Pass text on until a marker stands next; None where the text ended without one.

    What may become a marker is held back. Of two that begin alike, the longer is named first.
    """
    while True:
        at, marker = find_marker(source, markers)
        if at > source.at:
            calls.text(source.take(at))
        if marker is not None:
            return marker
        if source.ended:
            return None
        yield


def find_marker(source: Source, markers: tuple[str, ...]) -> tuple[int, str | None]:
    """Return where the first marker stands, or where one may have begun."""
    text, best, found = source.text, len(source.text), None
    for marker in markers:
        at = text.find(marker[0], source.at, best)
        while at >= 0:
            if text.startswith(marker, at):
                best, found = at, marker
                break
            if not source.ended and marker.startswith(text[at:]):
                best, found = at, None
                break
            at = text.find(marker[0], at + 1, best)
    return best, found
