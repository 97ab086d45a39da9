"""Calls that must be made: a schema that every model can be held to, and its parser.

The answer is then JSON alone: one object `{"name": …, "arguments": {…}}`, or an array of them where
several calls are allowed.
"""

from __future__ import annotations

import json
from typing import Any

from hearth.engines.engine import Failed
from hearth.engines.llm.tools.call_object import read_calls
from hearth.engines.llm.tools.calls import Calls, MakeId, new_call_id
from hearth.engines.llm.tools.markers import pass_text
from hearth.engines.llm.tools.parser import StreamParser, ToolParser
from hearth.engines.llm.tools.schema_refs import moved
from hearth.engines.llm.tools.source import Reading, Source
from hearth.engines.protocol import Constraint, Failure, Tool, ToolUse

MAX_CALLS = 16  # in one answer; a small model that finds no end would go on to its last token


def forced(tool_use: ToolUse) -> Constraint:
    """Return what an answer must match so that it is a call, and only of what may be called.

    Its `param` is the schema of the only function, or `tools` where there are several; for errors
    that name the right place, check each of `argument_constraints` first.

    Raises:
        Failed: there is no such function, or one takes something else than an object.
    """
    chosen = _chosen(tool_use)
    definitions = {_key(at): _arguments(at, tool) for at, tool in chosen}
    choices = [_call(at, tool) for at, tool in chosen]
    schema: dict[str, Any] = choices[0] if len(choices) == 1 else {"anyOf": choices}  # Any: JSON
    if makes_list(tool_use):
        schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": MAX_CALLS}
    text = json.dumps(schema | {"$defs": definitions}, ensure_ascii=False)
    param = _param(chosen[0][0]) if len(chosen) == 1 else "tools"
    return Constraint(kind="json_schema", text=text, param=param)


def argument_constraints(tool_use: ToolUse) -> list[Constraint]:
    """Return the arguments of each function that may be called, as constraints of their own.

    A place in one of these schemas is a place in the request. If each of them can be honoured, so
    can `forced`.

    Raises:
        Failed: as `forced`.
    """
    return [
        Constraint(
            kind="json_schema",
            text=json.dumps(_object_schema(at, tool), ensure_ascii=False),
            param=_param(at),
        )
        for at, tool in _chosen(tool_use)
    ]


def makes_list(tool_use: ToolUse) -> bool:
    """Whether a forced answer is an array of calls."""
    return tool_use.parallel and tool_use.name is None


def forced_parser(tool_use: ToolUse, make_id: MakeId = new_call_id) -> ToolParser:
    """Return a parser for one answer that `forced` held to."""
    return StreamParser(_read_forced, Calls(tool_use, make_id))


def _read_forced(source: Source, calls: Calls) -> Reading[None]:
    has_call = yield from read_calls(source, calls, is_marked=True)
    rest = source.release()
    if not (has_call and source.ended):  # else the start of one more call, cut off: no text
        calls.text(rest)
    yield from pass_text(source, calls, ())


def _chosen(tool_use: ToolUse) -> list[tuple[int, Tool]]:
    """The functions that may be called, with their places in the request."""
    chosen = [
        (at, tool)
        for at, tool in enumerate(tool_use.tools)
        if tool_use.name is None or tool.name == tool_use.name
    ]
    if not chosen:
        what = "no tools" if tool_use.name is None else f"no tool named {tool_use.name[:80]!r}"
        raise Failed(
            Failure(
                kind="invalid",
                param="tool_choice",
                message=f"A call is required, but there is {what} to call.",
            )
        )
    return chosen


def _call(at: int, tool: Tool) -> dict[str, Any]:  # Any: a JSON Schema
    return {
        "type": "object",
        "properties": {
            "name": {"const": tool.name},
            "arguments": {"$ref": f"#/$defs/{_key(at)}"},
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _arguments(at: int, tool: Tool) -> dict[str, Any]:  # Any: a JSON Schema
    return moved(_object_schema(at, tool), f"#/$defs/{_key(at)}")


def _object_schema(at: int, tool: Tool) -> dict[str, Any]:  # Any: a JSON Schema
    """The function's own schema; one that says nothing takes no arguments."""
    schema = tool.parameters
    if not schema:
        return {"type": "object", "properties": {}, "additionalProperties": False}
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise Failed(
            Failure(
                kind="invalid",
                param=f"{_param(at)}.type",
                message=f"The parameters of {tool.name!r} must be an object, not {kind!r:.80}.",
            )
        )
    if "type" not in schema and "$ref" in schema:
        return schema
    return {"type": "object"} | schema | {"type": "object"}


def _key(at: int) -> str:
    return f"arguments_{at}"


def _param(at: int) -> str:
    return f"tools[{at}].function.parameters"
