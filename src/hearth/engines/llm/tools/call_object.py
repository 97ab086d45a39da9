"""Calls written as JSON objects: `{"name": …, "arguments": {…}}`, one or several."""

from __future__ import annotations

import re

from hearth.engines.llm.tools.calls import Calls
from hearth.engines.llm.tools.json_text import object_in, read_text, read_value
from hearth.engines.llm.tools.source import Reading, Source

_ARGUMENTS = ("arguments", "parameters")
# What may stand before a call is known for one. Any other JSON is an answer, and is not held back.
_BEFORE = frozenset({"name", "function", "type", "id", *_ARGUMENTS})
_SEPARATORS = re.compile(r"[ \t\r\n,;]*")
_CLOSERS = re.compile(r"[ \t\r\n}\]]*")


def read_calls(source: Source, calls: Calls, *, is_marked: bool) -> Reading[bool]:
    """Read one object, several, or an array of them; True where the first one is a call.

    What was read after the last call and is none is kept in the source.

    Args:
        is_marked: a marker has announced the call, so one without arguments counts.
    """
    source.keep()
    yield from source.spaces()
    is_list = yield from source.literal("[")
    yield from source.spaces()
    has_call = False
    while (yield from _Object(source, calls, is_marked=is_marked).read()):
        has_call = True
        source.keep()
        yield from source.run(_SEPARATORS)
        if (yield from source.peek()) == "{":
            continue
        if is_list and (yield from source.literal("]")):
            source.forget()
        return True
    return has_call


def read_closer(source: Source, word: str) -> Reading[bool]:
    """Read the marker that ends a call; brackets that were one too many go with it."""
    source.keep()
    yield from source.run(_CLOSERS)
    is_closed = yield from source.literal(word)
    if is_closed:
        source.forget()
    return is_closed


class _Object:
    """One object, read member by member."""

    def __init__(self, source: Source, calls: Calls, *, is_marked: bool) -> None:
        self._source = source
        self._calls = calls
        self._is_marked = is_marked
        self._name: str | None = None
        self._early: str | None = None
        self._has_begun = False
        self._is_inner = False

    def read(self) -> Reading[bool]:
        """Read it; True where it is a call, even if its end is broken."""
        if not (yield from self._source.literal("{")):
            return False
        is_whole = yield from self._read_members()
        if is_whole and self._name is not None and self._is_marked and not self._has_begun:
            self._begin("{}")
        if is_whole and self._has_begun:
            self._source.forget()
        return self._has_begun

    def _read_members(self) -> Reading[bool]:
        source = self._source
        while True:
            yield from source.spaces()
            key = yield from read_text(source)
            if key is None or not (self._is_marked or self._has_begun or key in _BEFORE):
                return False
            yield from source.spaces()
            if not (yield from source.literal(":")):
                return False
            yield from source.spaces()
            if not (yield from self._read_member(key)):
                return False
            yield from source.spaces()
            if not (yield from source.literal(",")):
                return (yield from source.literal("}"))

    def _read_member(self, key: str) -> Reading[bool]:
        if key in ("name", "function") and self._name is None:
            return (yield from self._read_name(key))
        if key in _ARGUMENTS and self._early is None and not self._has_begun:
            return (yield from self._read_arguments())
        return (yield from read_value(self._source, _ignore))

    def _read_name(self, key: str) -> Reading[bool]:
        is_outer = key == "function" and not self._is_inner
        if is_outer and (yield from self._source.literal("{")):
            # As in a list of OpenAI's: {"type": "function", "function": {"name": …}}.
            self._is_inner = True
            return (yield from self._read_members())
        name = yield from read_text(self._source)
        if name is None or not self._calls.knows(name):
            return False
        self._name = name
        if self._early is not None:
            self._begin(self._early)
        return True

    def _read_arguments(self) -> Reading[bool]:
        char = yield from self._source.peek()
        if char == "{" and self._name is not None:
            self._begin("")
            is_whole = yield from read_value(self._source, self._calls.arguments)
            self._source.keep()
            return is_whole
        parts: list[str] = []
        if char == '"':
            text = yield from read_text(self._source)
            is_whole = text is not None
            parts.append(text or "{}")
        else:
            is_whole = yield from read_value(self._source, parts.append)
        written = "".join(parts)
        whole = object_in("{}" if written == "null" else written) if is_whole else None
        if whole is None:
            return False
        self._early = whole
        if self._name is not None:
            self._begin(whole)
        return True

    def _begin(self, arguments: str) -> None:
        self._has_begun = True
        self._source.forget()
        self._calls.begin(self._name or "")
        self._calls.arguments(arguments)
        if arguments:
            self._source.keep()


def _ignore(_: str) -> None: ...
