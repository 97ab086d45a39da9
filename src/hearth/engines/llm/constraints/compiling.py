"""Constraints on a text, checked and compiled to grammars of llguidance.

https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md. An engine gets only what was
checked here: llama.cpp answers without any constraint where it cannot read a grammar.
"""

from __future__ import annotations

import json
from typing import Any

from llguidance import LLMatcher

from hearth.engines.engine import Failed
from hearth.engines.protocol import Constraint, Failure

_HEAD = "%llguidance {}\n"


def compile_constraint(constraint: Constraint) -> str:
    """Return the grammar that admits exactly what the constraint does.

    Raises:
        Failed: the constraint is broken, or asks for what cannot be guaranteed; the message names
            the place.
    """
    grammar = _HEAD + _source(constraint)
    is_error, messages = LLMatcher.validate_grammar_with_warnings(grammar)
    if is_error or messages:
        raise _refused(messages[0].split("\n")[0], constraint.param)
    return grammar


def _source(constraint: Constraint) -> str:
    if constraint.kind == "json_object":
        return 'start: %json {"type":"object"}'
    if constraint.kind == "json_schema":
        return f"start: %json {json.dumps(_parsed(constraint))}"
    if constraint.kind == "regex":
        return f"start: /{_escaped(constraint.text)}/"
    raise _refused("The engine of this model takes no grammars.", constraint.param)


def _parsed(constraint: Constraint) -> Any:  # Any: a JSON value
    try:
        return json.loads(constraint.text)
    except ValueError as error:
        raise _refused(f"The schema is no JSON: {error}", constraint.param) from None


def _escaped(regex: str) -> str:
    return regex.replace("/", "\\/").replace("\n", "\\n")


def _refused(message: str, param: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=param))
