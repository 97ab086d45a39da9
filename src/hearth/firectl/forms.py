"""How resources are printed: `Key: value` lines, tables, JSON, YAML, and flags to use again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hearth.firectl.grammar import Column, Command

Object = Mapping[str, Any]  # Any: a JSON object

_PLAIN = re.compile(r"[A-Za-z_/](?:[\w./ -]*[\w./])?")
_WORDS_OF_YAML = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def title(key: str) -> str:
    """`createTime` as `Create Time`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key.replace("_", " "))
    return " ".join(word[:1].upper() + word[1:] for word in spaced.split())


def as_text(resource: Object, *, indent: int = 0) -> str:
    """One line per field that says something; a list of objects is indented JSON below its key."""
    margin = " " * indent
    lines = []
    for key, value in resource.items():
        if value in (None, "", [], {}):
            continue
        label = f"{margin}{title(key)}:"
        if key == "status" and isinstance(value, Mapping):
            lines.append(f"{label} {_status(value)}\n")
        elif isinstance(value, Mapping) and not _is_money(value):
            below = as_text(value, indent=indent + 2)
            lines.append(f"{label}\n{below}" if below else "")
        elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
            block = json.dumps(value, indent=2, ensure_ascii=False).splitlines()
            lines.append(f"{label}\n" + "".join(f"{margin}  {line}\n" for line in block))
        else:
            lines.append(f"{label} {cell(value)}\n")
    return "".join(lines)


def _status(status: Object) -> str:
    code, message = status.get("code") or "OK", status.get("message") or ""
    return f"{code}: {message}" if message else str(code)


def cell(value: object) -> str:
    """A scalar, or a list of them, on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(cell(each) for each in value)
    if isinstance(value, Mapping):
        return _money(value) if _is_money(value) else json.dumps(value, ensure_ascii=False)
    return " ".join(str(value).split()) if isinstance(value, str) else str(value)


def _is_money(value: Object) -> bool:
    return "units" in value and value.keys() <= {"currencyCode", "units", "nanos"}


def _money(value: Object) -> str:
    """A google.type.Money, exactly, with at least two decimals."""
    units, nanos = int(value.get("units") or 0), int(value.get("nanos") or 0)
    sign = "-" if units < 0 or nanos < 0 else ""
    decimals = f"{abs(nanos):09}".rstrip("0").ljust(2, "0")
    return f"{sign}{abs(units)}.{decimals} {value.get('currencyCode') or 'USD'}"


def at(resource: Object, path: str) -> Any:  # Any: a JSON value
    """What a resource has at a dotted path, of a list what each has; None for nothing."""
    value: Any = resource
    for place, part in enumerate(parts := path.split(".")):
        if isinstance(value, list):
            return [at(each, ".".join(parts[place:])) for each in value]
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def as_table(rows: Sequence[Object], columns: Sequence[Column]) -> str:
    """A header and a line per resource; columns that no row fills are left out, except the name."""
    filled = [
        each
        for place, each in enumerate(columns)
        if place == 0 or not rows or any(at(row, each.path) not in (None, "") for row in rows)
    ]
    lines = [[each.title.upper() for each in filled]]
    lines += [[cell(at(row, each.path)) for each in filled] for row in rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(filled))]
    return "".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )


def as_json(value: object) -> str:
    """Indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def as_yaml(value: object) -> str:
    """Block YAML 1.2 of a JSON value."""
    return "".join(f"{line}\n" for line in _yaml(value))


def _yaml(value: object) -> Iterable[str]:
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _yaml_item(f"{_scalar(key)}:", each, is_in_list=False)
    elif isinstance(value, list) and value:
        for each in value:
            yield from _yaml_item("-", each, is_in_list=True)
    else:
        yield _scalar(value)


def _yaml_item(head: str, value: object, *, is_in_list: bool) -> Iterable[str]:
    if not isinstance(value, Mapping | list) or not value:
        yield f"{head} {_scalar(value)}"
        return
    lines = list(_yaml(value))
    if is_in_list:
        yield f"{head} {lines[0]}"
        yield from (f"  {line}" for line in lines[1:])
    else:
        yield head
        yield from (f"  {line}" for line in lines)


def _scalar(value: object) -> str:
    """JSON is YAML; a text that cannot be taken for anything else needs no quotes."""
    is_plain = isinstance(value, str) and _PLAIN.fullmatch(value)
    if isinstance(value, str) and is_plain and value.lower() not in _WORDS_OF_YAML:
        return value
    return json.dumps(value, ensure_ascii=False)


def as_flags(resource: Object, create: Command) -> str:
    """What to write after `create` to get the like of a resource, as far as flags can say it."""
    import shlex

    words = []
    given: set[str] = set()
    for argument in create.arguments:
        value = at(resource, argument.field) if argument.field else None
        if value not in (None, ""):
            words.append(cell(value))
            given.add(argument.field)
    for flag in create.flags:
        value = at(resource, flag.field) if flag.field else None
        if flag.field in given or not value or flag.is_secret:
            continue
        given.add(flag.field)
        words.append(f"--{flag.name}={_flag_value(value)}")
    return shlex.join(words) + "\n"


def _flag_value(value: object) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={cell(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ",".join(cell(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
