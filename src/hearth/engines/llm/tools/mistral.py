"""Calls as Mistral's models write them, by the version of their tokenizer.

Up to v7 `[TOOL_CALLS][{"name": …, "arguments": …}]`, v11 `[TOOL_CALLS]name[CALL_ID]id[ARGS]{…}`,
v13 without the id. Source: mistral-common, `tokens/tokenizers/instruct.py`.
"""

from __future__ import annotations

from hearth.engines.llm.tools.call_object import read_calls
from hearth.engines.llm.tools.calls import Calls
from hearth.engines.llm.tools.markers import pass_text
from hearth.engines.llm.tools.named import NAME, read_named
from hearth.engines.llm.tools.source import Reading, Source

OPEN = "[TOOL_CALLS]"


def mistral(source: Source, calls: Calls) -> Reading[None]:
    """Read an answer; several named calls follow one another, each with its marker."""
    while (yield from pass_text(source, calls, (OPEN,))):
        source.keep()
        yield from source.literal(OPEN)
        yield from source.spaces()
        if (yield from source.peek()) in ("[", "{"):
            yield from read_calls(source, calls, is_marked=True)
        else:
            yield from _read_named(source, calls)
        calls.text(source.release())


def _read_named(source: Source, calls: Calls) -> Reading[None]:
    name = yield from source.run(NAME)
    if not calls.knows(name):
        return
    if (yield from source.literal("[CALL_ID]")):
        yield from source.run(NAME)
    yield from source.literal("[ARGS]")
    yield from read_named(source, calls, name)
