"""Calls as Llama 3.1 to 3.3 write them: a bare `{"name": …, "parameters": …}`, or a tag before it.

Source: Meta's prompt formats for Llama 3.1 and 3.2.
"""

from __future__ import annotations

from hearth.engines.llm.tools.call_object import read_calls
from hearth.engines.llm.tools.calls import Calls
from hearth.engines.llm.tools.markers import pass_text
from hearth.engines.llm.tools.named import NAME, read_named
from hearth.engines.llm.tools.source import Reading, Source

TAG = "<|python_tag|>"
_FUNCTION = "<function="


def llama(source: Source, calls: Calls) -> Reading[None]:
    """Read an answer; without a tag a call stands at the start of a line."""
    while marker := (yield from pass_text(source, calls, (TAG, _FUNCTION, "{", "["))):
        if marker in "{[" and not calls.at_line_start:
            calls.text(source.take(source.at + 1))
            continue
        source.keep()
        if marker == _FUNCTION:
            yield from _read_function(source, calls)
        else:
            yield from source.literal(TAG)
            yield from read_calls(source, calls, is_marked=False)
        calls.text(source.release())


def _read_function(source: Source, calls: Calls) -> Reading[None]:
    yield from source.literal(_FUNCTION)
    name = yield from source.run(NAME)
    if not (yield from source.literal(">")):
        return
    if (yield from read_named(source, calls, name)):
        source.keep()
        if (yield from source.literal("</function>")):
            source.forget()
