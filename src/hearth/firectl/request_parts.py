"""Body and query of a request, from the flags and arguments that say where they belong."""

from __future__ import annotations

from typing import Any

from hearth.firectl.call import Call
from hearth.firectl.grammar import Argument, Flag
from hearth.firectl.http import Object


def body_of(call: Call) -> Object:
    """The body, of every flag and argument that has a place in it."""
    body: Object = {}
    sources: tuple[Argument | Flag, ...] = (*call.command.arguments, *call.command.flags)
    for each in sources:
        if each.field and each.name in call.values:
            place(body, each.field, call.values[each.name])
    return body


def query_of(call: Call) -> Object:
    """The query, of every flag that has a place in it."""
    flags = call.command.flags
    return {
        each.query: call.get(each.name) for each in flags if each.query and each.name in call.values
    }


def place(body: Object, path: str, value: Any) -> None:  # Any: a JSON value
    """Put a value at a dotted path of a body; maps join what is there already."""
    *parents, last = path.split(".")
    for part in parents:
        body = body.setdefault(part, {})
    if isinstance(value, dict) and isinstance(body.get(last), dict):
        body[last] = body[last] | value
    else:
        body[last] = value
