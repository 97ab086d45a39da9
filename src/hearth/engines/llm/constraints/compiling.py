"""Constraints, checked and compiled to grammars of llguidance.

https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md. An engine gets only what was
checked here: llama.cpp answers without any constraint where it cannot read a grammar.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from hearth.engines.llm.constraints import checking
from hearth.engines.llm.constraints.gbnf import lark_of
from hearth.engines.llm.constraints.json_schema import PreparedSchema, prepared
from hearth.engines.llm.constraints.refusals import refused
from hearth.engines.protocol import Constraint

_CACHED_GRAMMARS = 256  # of at most 64 KiB, and a few times that where definitions are unfolded
_JSON_OPTIONS = {
    # Free white space is where small models were seen to go on without end.
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
}
_SLASH = re.compile(r"\\(.)|/", re.DOTALL)


@lru_cache(maxsize=_CACHED_GRAMMARS)
def compile_constraint(constraint: Constraint) -> str:
    """Return a grammar all of whose texts match the constraint.

    It may admit fewer: JSON is in one line, a blank after each comma and colon and nowhere else;
    there are no properties beside those that a schema names unless it speaks of additional ones.

    Raises:
        Failed: the constraint is broken, or asks for what cannot be guaranteed; message and
            `param` name the place.
    """
    if len(constraint.text.encode()) > checking.MAX_TEXT_BYTES:
        raise refused(f"longer than {checking.MAX_TEXT_BYTES} bytes.", constraint.param)
    if constraint.kind == "json_object":
        return _json_grammar({"type": "object"}, {})
    if constraint.kind == "json_schema":
        return _schema_grammar(prepared(constraint.text, constraint.param), constraint.param)
    if constraint.kind == "regex":
        if len(constraint.text) > checking.MAX_REGEX:
            raise refused(f"longer than {checking.MAX_REGEX}.", constraint.param)
        source = f"start: /{_without_slashes(constraint.text)}/\n"
    else:
        source = lark_of(constraint.text, constraint.param)
    grammar = checking.HEAD + source
    if reason := checking.fault(grammar):
        raise refused(reason, constraint.param)
    return grammar


def _schema_grammar(schema: PreparedSchema, param: str) -> str:
    grammar = _json_grammar(schema.root, schema.definitions)
    if reason := checking.fault(grammar):
        found = schema.innermost(
            lambda part: checking.fault(_json_grammar(part, schema.definitions))
        )
        place, inner = found or (param, reason)
        raise refused(inner, place)
    return grammar


def _json_grammar(schema: object, definitions: dict[str, object]) -> str:
    document = {
        "x-guidance": _JSON_OPTIONS,
        "$defs": definitions,
        **(schema if isinstance(schema, dict) else {"allOf": [schema]}),
    }
    return f"{checking.HEAD}start: %json {msgspec.json.encode(document).decode()}\n"


def _without_slashes(regex: str) -> str:
    """Return the same regex without `/`, which would end it; line ends are written as escapes."""

    def spelled(match: re.Match[str]) -> str:
        return r"\x2F" if match[0] in {"/", r"\/"} else match[0]

    return _SLASH.sub(spelled, regex).replace("\r", r"\r").replace("\n", r"\n")
