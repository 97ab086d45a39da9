"""JSON read piece by piece: passed on as valid JSON text while it is still being written.

Models slip where a person would: a line break inside a string, `True`, an escape that JSON has not.
Those are put right; anything else that is not JSON ends the reading.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from hearth.engines.llm.tools.source import Reading, Source

Write = Callable[[str], None]

_MAX_DEPTH = 100  # far beyond any arguments; what reads them later may recurse
_MAX_SCALAR = 1_000

_RUN = re.compile(r'[^"\\\x00-\x1f]+')
_WORD = re.compile(r"[-+.0-9A-Za-z]+")
_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")
_PYTHON = {"True": "true", "False": "false", "None": "null"}
_HEX = re.compile(r"\\u[0-9a-fA-F]{4}")
_HEX_SO_FAR = re.compile(r"\\u[0-9a-fA-F]{0,4}")

# What may come next, by its first character: `s` for a string, `v` for any other scalar.
_VALUE = "sv{["
_FIRST_ITEM = "sv{[]"
_FIRST_KEY = "s}"
_KEY = "s"
_COLON = ":"
_AFTER = ",}]"

_KINDS = {'"': "s"} | {char: char for char in "{}[]:,"}
_CLOSERS = {"{": "}", "[": "]"}


def read_value(source: Source, write: Write) -> Reading[bool]:
    """Read one value; False where it is not JSON, with everything before that place written."""
    closers: list[str] = []
    allowed = _VALUE
    while True:
        write((yield from source.spaces()))
        kind = _KINDS.get((yield from source.peek()), "v")
        if kind not in allowed or (kind in "}]" and (not closers or closers[-1] != kind)):
            return False
        if kind == "s":
            is_whole = yield from read_string(source, write)
        elif kind == "v":
            is_whole = yield from _read_scalar(source, write)
        else:
            is_whole = len(closers) < _MAX_DEPTH or kind not in _CLOSERS
            if is_whole:
                write(source.take(source.at + 1))
        if not is_whole:
            return False
        allowed = _next(closers, allowed, kind)
        if not closers:
            return True


def read_string(source: Source, write: Write) -> Reading[bool]:
    """Read a string, its quotes included; the source is at the first of them."""
    write(source.take(source.at + 1))
    while True:
        if run := _RUN.match(source.text, source.at):
            write(source.take(run.end()))
        char = yield from source.peek()
        if char == '"':
            write(source.take(source.at + 1))
            return True
        if char == "":
            return False
        if char == "\\":
            if not (yield from _read_escape(source, write)):
                return False
        elif char < " ":
            source.take(source.at + 1)
            write(json.dumps(char)[1:-1])


def read_text(source: Source) -> Reading[str | None]:
    """Read a string and return what it says; None where there is none."""
    if (yield from source.peek()) != '"':
        return None
    parts: list[str] = []
    if not (yield from read_string(source, parts.append)):
        return None
    text = json.loads("".join(parts))
    assert isinstance(text, str)
    return text


def value_in(text: str) -> str | None:
    """Return a whole text that is one JSON value as valid JSON; None where it is something else."""
    source, parts = Source(), list[str]()
    source.feed(text.strip() + "\n")  # so that a number is seen to end
    source.ended = True
    reading = read_value(source, parts.append)
    try:
        next(reading)
    except StopIteration as done:
        is_value = done.value and source.at == len(source.text) - 1
        return "".join(parts) if is_value else None
    raise AssertionError("a reading waited for more of a text that has ended")


def object_in(text: str) -> str | None:
    """Return a whole text that is one JSON object as valid JSON."""
    value = value_in(text)
    return value if value is not None and value.startswith("{") else None


def _next(closers: list[str], allowed: str, kind: str) -> str:
    """Return what may follow, and keep account of what is open."""
    if kind == "{":
        closers.append("}")
        return _FIRST_KEY
    if kind == "[":
        closers.append("]")
        return _FIRST_ITEM
    if kind == ":":
        return _VALUE
    if kind == ",":
        return _KEY if closers[-1] == "}" else _VALUE
    if kind == "s" and allowed in (_KEY, _FIRST_KEY):
        return _COLON
    if kind in "}]":
        closers.pop()
    return _AFTER


def _read_scalar(source: Source, write: Write) -> Reading[bool]:
    while True:
        match = _WORD.match(source.text, source.at)
        if match is None or len(match[0]) > _MAX_SCALAR:
            return False
        if match.end() < len(source.text):
            break
        if source.ended:
            # Cut off by the end of the text: it belongs to the value all the same.
            write(source.take(match.end()))
            return False
        yield
    word = _PYTHON.get(match[0], match[0])
    if _SCALAR.fullmatch(word) is None:
        return False
    source.take(match.end())
    write(word)
    return True


def _read_escape(source: Source, write: Write) -> Reading[bool]:
    """Read what a backslash begins; False where the text ends in it."""
    while (match := _HEX_SO_FAR.match(source.text, source.at)) is None or len(match[0]) < 6:
        size = len(source.text) - source.at
        if size >= 2 and (match is None or match.end() < len(source.text)):
            break
        if source.ended:
            write(source.take(len(source.text)))
            return False
        yield
    if _HEX.match(source.text, source.at):
        write(source.take(source.at + 6))
    elif source.text[source.at + 1] in '"\\/bfnrt':
        write(source.take(source.at + 2))
    elif source.text[source.at + 1] == "'":
        source.take(source.at + 2)
        write("'")
    else:
        source.take(source.at + 1)
        write("\\\\")
    return True
