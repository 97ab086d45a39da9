"""The language of filters, AIP-160: from text to a tree that SQL or Python can make sense of.

    state = READY AND (create_time > "2026-01-01T00:00:00Z" OR NOT display_name:"draft")

OR binds tighter than AND: that is the AIP's rule, and the opposite of SQL's. What the comparisons
mean is in `kit.comparisons`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeVar

from hearth.errors import InvalidRequest

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

MAX_FILTER_CHARS = 2000
MAX_DEPTH = 20
SHOWN_CHARS = 60  # of a filter, on either side of a fault
_PARAM = "filter"

T = TypeVar("T")

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


@dataclass(frozen=True, kw_only=True)
class Restriction:
    """`name comparator literal`; the literal is without its quotes."""

    name: str
    comparator: str
    literal: str
    place: int
    "Where it begins in the filter, from 0."


@dataclass(frozen=True, kw_only=True)
class Junction:
    """Parts of which all, one or, for NOT, the only one does not hold."""

    operator: Literal["AND", "OR", "NOT"]
    parts: Sequence[Expression]


Expression = Restriction | Junction


def read_filter(
    source: str,
    restriction: Callable[[Restriction], T],
    junction: Callable[[Literal["AND", "OR", "NOT"], Sequence[T]], T],
) -> T | None:
    """Make something of a filter, from its leaves up; None: it is empty and always true.

    Raises:
        InvalidRequest: it cannot be read, or `restriction` refuses a part of it; `param` is
            "filter", and the details point at the place.
    """
    expression = parse_filter(source)
    if expression is None:
        return None

    def fold(part: Expression) -> T:
        if isinstance(part, Junction):
            return junction(part.operator, [fold(each) for each in part.parts])
        try:
            return restriction(part)
        except InvalidRequest as error:
            details = _pointed(source, part.place)
            raise InvalidRequest(error.message, param=_PARAM, details=details) from error

    return fold(expression)


def parse_filter(source: str) -> Expression | None:
    """The tree of a filter; None where it is empty.

    Raises:
        InvalidRequest: it cannot be read; the message says at which column, from 1.
    """
    if len(source) > MAX_FILTER_CHARS or "\x00" in source:
        raise InvalidRequest(
            f"filter: at most {MAX_FILTER_CHARS} characters, none of them NUL.", param=_PARAM
        )
    return _expression(_parse(source), 0) if source.strip() else None


@cache
def _parser() -> Lark:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", lexer="contextual")


def _parse(source: str) -> Tree[Token]:
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    try:
        return _parser().parse(source)
    except UnexpectedCharacters as error:
        raise _unreadable(source, error.pos_in_stream) from error
    except UnexpectedToken as error:
        # At the end, lark gives the place of the last token.
        is_end = error.token.type == "$END"
        raise _unreadable(source, None if is_end else error.token.start_pos) from error


def _unreadable(source: str, place: int | None) -> InvalidRequest:
    rest = "" if place is None else source[place:].strip()
    place = place if place is not None and rest else len(source.rstrip())
    what = f"before {rest[:40]!r}" if rest else "at its end"
    return InvalidRequest(
        f"filter: cannot read it at column {place + 1}, {what}. Write comparisons such as "
        "state = READY, joined by AND, OR, NOT and parentheses; put text with spaces in double "
        "quotes.",
        param=_PARAM,
        details=_pointed(source, place),
    )


def _pointed(source: str, place: int) -> str:
    """The line around a place, and below it a caret."""
    start = max(0, place - SHOWN_CHARS)
    shown = "".join(each if each.isprintable() else " " for each in source)
    return f"{shown[start : place + SHOWN_CHARS]}\n{' ' * (place - start)}^"


def _expression(tree: Tree[Token], depth: int) -> Expression:
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"filter: nested deeper than {MAX_DEPTH} levels.", param=_PARAM)
    if tree.data == "restriction":
        return _restriction(tree)
    parts = [_expression(each, depth + 1) for each in tree.children if not isinstance(each, str)]
    if tree.data == "negation":
        return Junction(operator="NOT", parts=parts)
    return Junction(operator="AND" if tree.data == "conjunction" else "OR", parts=parts)


def _restriction(tree: Tree[Token]) -> Restriction:
    first = tree.children[0]
    place = getattr(first, "start_pos", None) or 0
    name, comparator, literal = (str(token) for token in tree.children)
    if literal in {"AND", "OR", "NOT"}:
        raise InvalidRequest(f"filter: a value is missing after {name} {comparator}.", param=_PARAM)
    if literal[0] in "\"'":
        literal = re.sub(r"\\(.)", r"\1", literal[1:-1], flags=re.DOTALL)
    return Restriction(name=name, comparator=comparator, literal=literal, place=place)
