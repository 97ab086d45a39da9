"""The filters a chat template may use, each within the budget of its rendering."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from jinja2 import Environment, pass_environment
from jinja2.exceptions import FilterArgumentError

Filter = Callable[..., Any]

# Jinja's own that make nothing larger than what they are given.
_PLAIN = frozenset(
    {"abs", "attr", "bool", "capitalize", "count", "d", "default", "dictsort", "e", "escape"}
    | {"first", "float", "int", "items", "last", "length", "lower", "max", "min", "round", "safe"}
    | {"striptags", "title", "trim", "upper", "wordcount"}
)
# Jinja's own that walk over their input; each item costs a step.
_WALKING = frozenset(
    {"groupby", "list", "map", "reject", "rejectattr", "reverse", "select", "selectattr"}
    | {"sort", "unique"}
)
_MAX_INDENT = 16


class Budget(Protocol):
    """What a rendering may still do; each method raises when that is used up."""

    def tick(self, steps: int) -> str:
        """Take steps."""
        ...

    def charge_text(self, length: int) -> None:
        """Take the price of making a text of this length."""
        ...

    def text_of(self, value: object) -> str:
        """Turn a value to text, for its price."""
        ...


def bounded_filters(builtin: Mapping[str, Filter], budget: Budget) -> dict[str, Filter]:
    """Return the table of filters, made from Jinja's own."""
    filters = {name: original for name, original in builtin.items() if name in _PLAIN}
    filters |= {name: _walking(builtin[name], budget) for name in _WALKING}
    filters["replace"] = _replace(budget)
    filters["join"] = _join(budget)
    filters["string"] = budget.text_of
    filters["indent"] = _indent(budget)
    filters["tojson"] = _to_json(budget)
    filters["sum"] = _sum(budget)
    return filters


def _walking(original: Filter, budget: Budget) -> Filter:
    """Wrap a filter so that walking over its input is counted.

    What Jinja passes ahead of the value (environment or context) is kept by copying its mark.
    """
    mark = getattr(original, "jinja_pass_arg", None)

    def walk(*args: Any, **kwargs: Any) -> Any:
        at = 0 if mark is None else 1
        value = args[at]
        if not isinstance(value, str | Mapping):
            value = _Counted(value, budget)
        return original(*args[:at], value, *args[at + 1 :], **kwargs)

    if mark is not None:
        walk.jinja_pass_arg = mark  # type: ignore[attr-defined]  # how Jinja marks functions
    return walk


class _Counted:
    """An iterable whose every item costs a step; `reverse` and `length` find what they need."""

    def __init__(self, values: Iterable[Any], budget: Budget) -> None:
        self._values = values
        self._budget = budget

    def __iter__(self) -> Iterator[Any]:
        for value in self._values:
            self._budget.tick(1)
            yield value


def _replace(budget: Budget) -> Filter:
    def replace(text: object, old: object, new: object, count: int | None = None) -> str:
        source, target, substitute = map(budget.text_of, (text, old, new))
        times = source.count(target)
        if count is not None and count >= 0:
            times = min(times, count)
        budget.charge_text(len(source) + times * len(substitute))
        return source.replace(target, substitute, -1 if count is None else count)

    return replace


def _join(budget: Budget) -> Filter:
    @pass_environment
    def join(
        environment: Environment, parts: Iterable[Any], separator: str = "", attribute: Any = None
    ) -> str:
        texts: list[str] = []
        for part in _Counted(parts, budget):
            item = part if attribute is None else environment.getitem(part, attribute)
            text = budget.text_of(item)
            budget.charge_text(len(text) + len(separator))
            texts.append(text)
        return separator.join(texts)

    return join


def _indent(budget: Budget) -> Filter:
    def indent(text: object, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
        margin = width if isinstance(width, str) else " " * _checked_indent(width)
        lines = budget.text_of(text).split("\n")
        budget.charge_text(len(lines) * len(margin) + sum(map(len, lines)))
        shifted = [margin + line if line or blank else line for line in lines[1:]]
        return "\n".join([margin + lines[0] if first else lines[0], *shifted])

    return indent


def _to_json(budget: Budget) -> Filter:
    """Return the filter as Hugging Face defines it: plain JSON, no HTML escapes."""

    def to_json(
        value: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        if indent is not None:
            indent = _checked_indent(indent)
        encoder = json.JSONEncoder(
            ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )
        pieces = []
        for piece in encoder.iterencode(value):
            budget.charge_text(len(piece))
            pieces.append(piece)
        return "".join(pieces)

    return to_json


def _sum(budget: Budget) -> Filter:
    @pass_environment
    def total(
        environment: Environment, values: Iterable[Any], attribute: Any = None, start: Any = 0
    ) -> int | float:
        result: int | float = _checked_number(start)
        for value in _Counted(values, budget):
            item = value if attribute is None else environment.getitem(value, attribute)
            result += _checked_number(item)
        return result

    return total


def _checked_indent(width: int) -> int:
    if not 0 <= width <= _MAX_INDENT:
        raise FilterArgumentError(f"an indent of {width} is refused; at most {_MAX_INDENT}")
    return width


def _checked_number(value: Any) -> int | float:
    if not isinstance(value, int | float):
        raise FilterArgumentError("only numbers can be summed")
    return value
