"""Calls as Qwen3-Coder, Qwen 3.5 and 3.6 write them: tags around names and values, no JSON.

`<tool_call><function=name><parameter=key>value</parameter></function></tool_call>`, each part on
lines of its own. Source: their chat templates.
"""

from __future__ import annotations

import json
import re
from typing import Any

from hearth.engines.llm.tools.call_object import read_closer
from hearth.engines.llm.tools.calls import Calls
from hearth.engines.llm.tools.json_text import Write, value_in
from hearth.engines.llm.tools.markers import find_marker, pass_text
from hearth.engines.llm.tools.named import NAME
from hearth.engines.llm.tools.source import Reading, Source

FUNCTION = "<function="
PARAMETER = "<parameter="
_OUTER = "<tool_call>"
_OUTER_END = "</tool_call>"
_FUNCTION_END = "</function>"
_VALUE_END = "</parameter>"
EXAMPLE = (
    f"{_OUTER}\n{FUNCTION}<function>>\n{PARAMETER}<argument>>\n<its value>\n{_VALUE_END}\n"
    f"{_FUNCTION_END}\n{_OUTER_END}"
)
_KEY = re.compile(r"[^<>\n]*")


def tagged(source: Source, calls: Calls) -> Reading[None]:
    """Read an answer; the outer markers may be missing."""
    while (yield from pass_text(source, calls, (_OUTER, FUNCTION))):
        source.keep()
        yield from source.literal(_OUTER)
        yield from source.spaces()
        has_call = False
        while (yield from _read_function(source, calls)):
            has_call = True
            source.keep()
            yield from source.spaces()
        if has_call:
            yield from read_closer(source, _OUTER_END)
        calls.text(source.release())


def _read_function(source: Source, calls: Calls) -> Reading[bool]:
    if not (yield from source.literal(FUNCTION)):
        return False
    name = yield from source.run(NAME)
    if not (yield from source.literal(">")) or not calls.knows(name):
        return False
    source.forget()
    calls.begin(name)
    calls.arguments("{")
    is_whole, separator = True, ""
    while is_whole and (yield from _at_parameter(source)):
        calls.arguments(separator)
        is_whole = yield from _read_parameter(source, calls, name)
        separator = ", "
    if is_whole and (yield from source.peek()):
        calls.arguments("}")
        yield from read_closer(source, _FUNCTION_END)
    return True


def _at_parameter(source: Source) -> Reading[bool]:
    source.keep()
    yield from source.spaces()
    is_there = yield from source.literal(PARAMETER)
    if is_there:
        source.forget()
    return is_there


def _read_parameter(source: Source, calls: Calls, name: str) -> Reading[bool]:
    """Read a value; text is passed on as it comes, for files are written this way."""
    key = yield from source.run(_KEY)
    calls.arguments(json.dumps(key, ensure_ascii=False) + ": ")
    yield from source.literal(">")
    yield from source.literal("\n")
    if _is_text(calls.parameters(name), key):
        calls.arguments('"')
        is_whole = yield from _read_value(source, lambda text: calls.arguments(_escaped(text)))
        calls.arguments('"' if is_whole else "")
        return is_whole
    parts: list[str] = []
    is_whole = yield from _read_value(source, parts.append)
    value = "".join(parts)
    calls.arguments(
        (value_in(value) or json.dumps(value, ensure_ascii=False)) if is_whole else value
    )
    return is_whole


def _read_value(source: Source, write: Write) -> Reading[bool]:
    """Read up to the closing tag, and over it; the line break before it is no part of the value."""
    while True:
        at, marker = find_marker(source, ("\n" + _VALUE_END, _VALUE_END))
        if at > source.at:
            write(source.take(at))
        if marker is not None:
            return (yield from source.literal(marker))
        if source.ended:
            return False
        yield


def _is_text(schema: dict[str, Any], key: str) -> bool:  # Any: a JSON Schema
    """Whether the value is text: where the schema does not ask for something else."""
    properties = schema.get("properties")
    own = properties.get(key) if isinstance(properties, dict) else None
    if not isinstance(own, dict):
        return True
    kinds = own.get("type", [] if own.keys() & {"anyOf", "oneOf", "$ref"} else "string")
    return "string" in kinds


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
