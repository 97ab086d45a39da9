"""What may be said in a schema, keyword by keyword."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hearth.engines.llm.constraints import checking
from hearth.engines.llm.constraints.refusals import refused

_UNSUPPORTED = "this keyword cannot be guaranteed."
REFUSED = dict.fromkeys(
    (
        "not", "if", "then", "else", "contains", "minContains", "maxContains", "propertyNames",
        "dependencies", "dependentRequired", "dependentSchemas", "uniqueItems",
        "unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef",
    ),
    _UNSUPPORTED,
)  # fmt: skip
"""Keywords that no output can be held to, with the reason. All others that are unknown here
constrain nothing, by the specification."""

_TYPES = ("null", "boolean", "object", "array", "number", "integer", "string")
_FORMATS = frozenset(
    {
        "date", "date-time", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid",
    }
)  # fmt: skip
_COUNTS = (
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
)  # fmt: skip
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_MAX_MULTIPLE = 10_000  # compiles in 20 ms; a hundred times as much takes seconds
_MAX_DENOMINATOR = 1024
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_REAL_DATE = f"^(?:[0-9]{{4}}-(?:(?:0[13-9]|1[0-2])-|02-(?:[01]|2[0-8]))|{_LEAP_YEAR}-02-29)"
_REAL_YEAR = "^0*[1-9][0-9]*-"
_REAL_SECOND = ":[0-5][0-9](?:[.][0-9]+)?(?:Z|[-+])"
NARROWED = {
    "date": (_REAL_DATE, _REAL_YEAR),
    "time": (_REAL_SECOND,),
    "date-time": (_REAL_DATE, _REAL_YEAR, "T", _REAL_SECOND),
}
"""Patterns for what llguidance's formats admit but few readers do: a 29th of February in any year,
a year 0, leap seconds in any minute, lower case."""


def checked_value(keyword: str, value: Any, place: str) -> dict[str, Any]:  # Any: JSON, unchecked
    """Return what a keyword without subschemas adds to the schema; nothing for annotations.

    Raises:
        Failed: the value is not one that the keyword takes, or cannot be guaranteed.
    """
    if keyword == "type":
        _check_type(value, place)
    elif keyword in _COUNTS:
        _check(_is_int(value) and value >= 0, "has to be an integer from 0.", place)
        value = int(value)
    elif keyword in _NUMBERS:
        _check(_is_number(value), "has to be a number.", place)
    elif keyword == "multipleOf":
        _check_multiple(value, place)
    elif keyword == "enum":
        _check(isinstance(value, list) and bool(value), "has to be a list of values.", place)
    elif keyword == "required":
        is_names = isinstance(value, list) and all(isinstance(name, str) for name in value)
        _check(is_names, "has to be a list of names.", place)
        value = list(dict.fromkeys(value))
    elif keyword == "pattern":
        check_pattern(value, place)
    elif keyword == "format":
        known = isinstance(value, str) and value in _FORMATS
        _check(known, f"unknown format {value!r}; known: {', '.join(sorted(_FORMATS))}.", place)
    elif keyword != "const":
        return {}
    return {keyword: value}


def _check(holds: bool, message: str, place: str) -> None:
    if not holds:
        raise refused(message, place)


def _check_type(value: Any, place: str) -> None:
    names = value if isinstance(value, list) else [value]
    _check(bool(names), "has to be a type or a list of types.", place)
    for name in names:
        known = isinstance(name, str) and name in _TYPES
        _check(known, f"unknown type {name!r}; known: {', '.join(_TYPES)}.", place)


def _check_multiple(value: Any, place: str) -> None:
    _check(_is_number(value) and value > 0, "has to be a number above 0.", place)
    exact = Fraction(value)
    _check(
        exact.denominator <= _MAX_DENOMINATOR,
        "cannot be guaranteed: floating-point numbers hold no exact multiples of it.",
        place,
    )
    _check(value <= _MAX_MULTIPLE, f"above {_MAX_MULTIPLE} it cannot be guaranteed.", place)


def check_pattern(value: Any, place: str) -> None:
    """Refuse what is no regular expression, or one that cannot be guaranteed."""
    _check(isinstance(value, str), "has to be a regular expression.", place)
    _check(len(value) <= checking.MAX_REGEX, f"longer than {checking.MAX_REGEX}.", place)
    reason = checking.fault(checking.pattern_grammar(value))
    _check(reason is None, f"this pattern cannot be guaranteed: {reason}", place)


def _is_int(value: Any) -> bool:
    return _is_number(value) and float(value).is_integer()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
