"""Calls as Hermes, Qwen 2.5 and Qwen 3 write them: `<tool_call>{"name": …}</tool_call>`."""

from __future__ import annotations

from hearth.engines.llm.tools.call_object import read_calls, read_closer
from hearth.engines.llm.tools.calls import Calls
from hearth.engines.llm.tools.markers import pass_text
from hearth.engines.llm.tools.source import Reading, Source

OPEN = "<tool_call>"
CLOSE = "</tool_call>"


def hermes(source: Source, calls: Calls) -> Reading[None]:
    """Read an answer; a call without its closing marker counts."""
    while (yield from pass_text(source, calls, (OPEN,))):
        source.keep()
        yield from source.literal(OPEN)
        if (yield from read_calls(source, calls, is_marked=True)):
            yield from read_closer(source, CLOSE)
        calls.text(source.release())
