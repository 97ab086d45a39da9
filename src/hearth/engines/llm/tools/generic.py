"""Calls as JSON in the text, for every model without a form of its own that we know.

An object or an array of them at the start of a line, bare, in a fence, or in the markers that
several families share.
"""

from __future__ import annotations

import re

from hearth.engines.llm.tools.call_object import read_calls, read_closer
from hearth.engines.llm.tools.calls import Calls
from hearth.engines.llm.tools.markers import pass_text
from hearth.engines.llm.tools.source import Reading, Source

_PAIRS = {"<tool_call>": "</tool_call>", "<|tool_call|>": "<|/tool_call|>"}
MARKERS = (*_PAIRS.keys(), *_PAIRS.values())
_CLOSERS = {
    **_PAIRS,
    "```": "```",
    "{": "",
    "[": "",
}
_LANGUAGE = re.compile(r"[a-z_]*")


def generic(source: Source, calls: Calls) -> Reading[None]:
    """Read an answer."""
    while marker := (yield from pass_text(source, calls, tuple(_CLOSERS))):
        if not calls.at_line_start:
            calls.text(source.take(source.at + len(marker)))
            continue
        source.keep()
        closer = _CLOSERS[marker]
        if closer:
            yield from source.literal(marker)
            if marker == "```":
                yield from source.run(_LANGUAGE)
        is_marked = bool(closer) and marker != "```"
        if (yield from read_calls(source, calls, is_marked=is_marked)) and closer:
            yield from read_closer(source, closer)
        calls.text(source.release())
