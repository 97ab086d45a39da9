"""Filters of lists, as AIP-160 writes them, compiled to SQL.

    state = READY AND (create_time > "2026-01-01T00:00:00Z" OR NOT display_name:"draft")

OR binds tighter than AND: that is the AIP's rule, and the opposite of SQL's. `:` asks whether a
text contains the value, letters' case aside; `field:*` whether the field is set. A `*` at the
start or end of a text compared with `=` or `!=` stands for anything. A field without a value
equals nothing and is neither less nor greater, so `NOT` always turns a filter into its opposite.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, not_, or_, true

from hearth.errors import InvalidRequest
from hearth.kit.comparisons import Comparison, compare
from hearth.kit.fields import Fields, find_field

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

MAX_FILTER_CHARS = 2000
MAX_DEPTH = 20
_PARAM = "filter"

GRAMMAR = r"""
    ?start: conjunction
    ?conjunction: disjunction ("AND" disjunction)*
    ?disjunction: term ("OR" term)*
    ?term: simple | ("NOT" | "-") simple -> negation
    ?simple: restriction | "(" conjunction ")"
    restriction: FIELD COMPARATOR (QUOTED | BARE)

    FIELD: /[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*/
    COMPARATOR: "<=" | ">=" | "!=" | "=" | "<" | ">" | ":"
    QUOTED: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/
    BARE: /[^\s()"'=<>!:,][^\s()"',]*/
    %ignore /[ \t\r\n]+/
"""


def compile_filter(source: str, fields: Fields) -> ColumnElement[bool]:
    """Turn a filter into a condition on the declared fields; an empty one is always true.

    Raises:
        InvalidRequest: it cannot be read, names an unknown field, or compares a field with a
            value that it cannot hold; `param` is "filter".
    """
    if len(source) > MAX_FILTER_CHARS or "\x00" in source:
        raise InvalidRequest(
            f"filter: at most {MAX_FILTER_CHARS} characters, none of them NUL.", param=_PARAM
        )
    if not source.strip():
        return true()
    return _compile(_parse(source), fields, 0)


@cache
def _parser() -> Lark:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", lexer="contextual")


def _parse(source: str) -> Tree[Token]:
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    try:
        return _parser().parse(source)
    except UnexpectedCharacters as error:
        raise InvalidRequest(_complaint(source, error.pos_in_stream), param=_PARAM) from error
    except UnexpectedToken as error:
        # At the end, lark gives the place of the last token.
        is_end = error.token.type == "$END"
        place = len(source) if is_end else error.token.start_pos
        raise InvalidRequest(_complaint(source, place), param=_PARAM) from error


def _complaint(source: str, position: int | None) -> str:
    rest = "" if position is None else source[position:].strip()
    where = f"at position {position}, before {rest[:40]!r}" if rest else "at its end"
    return (
        f"filter: cannot read it {where}. Write comparisons such as state = READY, joined by "
        "AND, OR, NOT and parentheses; put text with spaces in double quotes."
    )


def _compile(tree: Tree[Token], fields: Fields, depth: int) -> ColumnElement[bool]:
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"filter: nested deeper than {MAX_DEPTH} levels.", param=_PARAM)
    if tree.data == "restriction":
        return _restriction(tree, fields)
    parts = [_compile(child, fields, depth + 1) for child in _trees(tree)]
    if tree.data == "negation":
        return not_(parts[0])
    return and_(*parts) if tree.data == "conjunction" else or_(*parts)


def _trees(tree: Tree[Token]) -> list[Tree[Token]]:
    return [child for child in tree.children if not isinstance(child, str)]


def _restriction(tree: Tree[Token], fields: Fields) -> ColumnElement[bool]:
    name, comparator, literal = (str(token) for token in tree.children)
    if literal in {"AND", "OR", "NOT"}:
        raise InvalidRequest(f"filter: a value is missing after {name} {comparator}.", param=_PARAM)
    if literal[0] in "\"'":
        literal = re.sub(r"\\(.)", r"\1", literal[1:-1], flags=re.DOTALL)
    column = find_field(fields, name, param=_PARAM)
    return compare(Comparison(name=name, column=column, comparator=comparator, literal=literal))
