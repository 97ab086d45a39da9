"""Calls as DeepSeek V3, R1 and V3.1 write them, between tokens of their own.

V3 and R1: `function<｜tool▁sep｜>name`, a line break, the arguments in a fence of JSON. V3.1:
`name<｜tool▁sep｜>{…}`. Source: the chat templates of the released models.
"""  # noqa: RUF002 - the models' own letters

from __future__ import annotations

from hearth.engines.llm.tools.call_object import read_closer
from hearth.engines.llm.tools.calls import Calls
from hearth.engines.llm.tools.markers import pass_text
from hearth.engines.llm.tools.named import NAME, read_named
from hearth.engines.llm.tools.source import Reading, Source

BAR = "\uff5c"
GAP = "\u2581"
OPEN = f"<{BAR}tool{GAP}calls{GAP}begin{BAR}>"
CLOSE = f"<{BAR}tool{GAP}calls{GAP}end{BAR}>"
_CALL = f"<{BAR}tool{GAP}call{GAP}begin{BAR}>"
_CALL_END = f"<{BAR}tool{GAP}call{GAP}end{BAR}>"
_SEPARATOR = f"<{BAR}tool{GAP}sep{BAR}>"
_FENCE = "```"
EXAMPLE = f"{OPEN}{_CALL}<function>{_SEPARATOR}{{<arguments as JSON>}}{_CALL_END}{CLOSE}"


def deepseek(source: Source, calls: Calls) -> Reading[None]:
    """Read an answer; the outer markers may be missing."""
    while (yield from pass_text(source, calls, (OPEN, _CALL))):
        source.keep()
        yield from source.literal(OPEN)
        yield from source.spaces()
        has_call = False
        while (yield from _read_call(source, calls)):
            has_call = True
            source.keep()
            yield from source.spaces()
        if has_call and (yield from source.literal(CLOSE)):
            source.forget()
        calls.text(source.release())


def _read_call(source: Source, calls: Calls) -> Reading[bool]:
    if not (yield from source.literal(_CALL)):
        return False
    name = yield from source.run(NAME)
    if not (yield from source.literal(_SEPARATOR)):
        return False
    yield from source.spaces()
    if name == "function" and (yield from source.peek()) != "{":
        name = yield from source.run(NAME)
        yield from source.spaces()
        yield from source.literal(_FENCE)
        yield from source.literal("json")
    if not (yield from read_named(source, calls, name)):
        return False
    yield from read_closer(source, _FENCE)
    yield from read_closer(source, _CALL_END)
    return True
