"""Reads GBNF; see `gbnf`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from hearth.engines.llm.constraints.refusals import refused

_MAX_DEPTH = 50
_MAX_REPEATS = 2000  # llama.cpp's own bound
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_DEFINES = re.compile(r"\s*::=")
_BLANKS = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_BLANKS_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_CONTINUES = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*\|")
_REPEATS = re.compile(r"[ \t]*(?:([*+?])|\{\s*(\d{1,6})\s*(?:(,)\s*(\d{1,6})?\s*)?\})")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"} | {c: c for c in '\\"[]-^'}


@dataclass(frozen=True)
class Reference:
    """A use of a rule."""

    name: str


@dataclass(frozen=True)
class Literal:
    """Characters that stand for themselves."""

    text: str


@dataclass(frozen=True)
class Class:
    """One character of several."""

    regex: str
    "In slashes, as Lark has it."


@dataclass(frozen=True)
class Item:
    """A part of a sequence; a list is a group."""

    what: Literal | Class | Reference | list[list[Item]]
    repeated: str
    "`*`, `+`, `?`, `{m,n}` or nothing."


_ANY = Class("/(?s:.)/")
Alternatives = list[list[Item]]


def read_rules(text: str, place: str) -> dict[str, Alternatives]:
    """Return the rules by name.

    Raises:
        Failed: the text is no GBNF, or uses a rule that it does not define; with the line.
    """
    return _Reader(text, place).rules()


class _Reader:
    def __init__(self, text: str, place: str) -> None:
        self._text = text
        self._place = place
        self._at = 0
        self._used: dict[str, int] = {}

    def rules(self) -> dict[str, Alternatives]:
        rules: dict[str, Alternatives] = {}
        self._skip(_BLANKS_AND_LINES)
        while self._at < len(self._text):
            name = self._take(_NAME, "the name of a rule")
            self._take(_DEFINES, "`::=`")
            self._skip(_BLANKS_AND_LINES)
            rules[name] = self._alternatives(0)
            if self._at < len(self._text) and self._text[self._at] not in "\r\n":
                self._fail("an unexpected character")
            self._skip(_BLANKS_AND_LINES)
        for name, at in self._used.items():
            if name not in rules:
                self._at = at
                self._fail(f"the rule `{name}` is not defined")
        return rules

    def _alternatives(self, depth: int) -> Alternatives:
        if depth > _MAX_DEPTH:
            self._fail("groups nested too deeply")
        found = [self._sequence(depth)]
        while self._skip(_CONTINUES):
            self._skip(_BLANKS_AND_LINES)
            found.append(self._sequence(depth))
        return found

    def _sequence(self, depth: int) -> list[Item]:
        items: list[Item] = []
        blanks = _BLANKS_AND_LINES if depth else _BLANKS
        self._skip(blanks)
        while (what := self._one(depth)) is not None:
            items.append(Item(what, self._repeats()))
            self._skip(blanks)
        return items

    def _one(self, depth: int) -> Literal | Class | Reference | Alternatives | None:
        start = self._text[self._at : self._at + 1]
        if start == '"':
            return self._literal()
        if start == "[":
            return self._class()
        if start == ".":
            self._at += 1
            return _ANY
        if start == "(":
            self._at += 1
            inner = self._alternatives(depth + 1)
            self._skip(_BLANKS_AND_LINES)
            self._expect(")")
            return inner
        if name := _NAME.match(self._text, self._at):
            self._used.setdefault(name[0], self._at)
            self._at = name.end()
            return Reference(name[0])
        return None

    def _literal(self) -> Literal:
        self._at += 1
        characters = []
        while self._text[self._at : self._at + 1] != '"':
            characters.append(self._character())
        self._at += 1
        return Literal("".join(characters))

    def _class(self) -> Class:
        self._at += 1
        negated = "^" if self._text[self._at : self._at + 1] == "^" else ""
        self._at += len(negated)
        ranges = []
        while self._text[self._at : self._at + 1] != "]":
            first = last = self._character()
            if self._text[self._at : self._at + 1] == "-" and self._text[self._at + 1 :][:1] != "]":
                self._at += 1
                last = self._character()
            if last < first:
                self._fail("a range that ends before it begins")
            ranges.append(rf"\x{{{ord(first):X}}}-\x{{{ord(last):X}}}")
        self._at += 1
        if not ranges:
            return _ANY if negated else self._fail("a class without characters")
        return Class(f"/[{negated}{''.join(ranges)}]/")

    def _character(self) -> str:
        if self._at >= len(self._text) or self._text[self._at] in "\r\n":
            self._fail("a literal or class without end")
        if self._text[self._at] != "\\":
            self._at += 1
            return self._text[self._at - 1]
        escape = _ESCAPE.match(self._text, self._at)
        if escape is None:
            self._fail("an unknown escape")
        code = next((group for group in escape.groups()[:3] if group), None)
        character = _ESCAPED.get(escape[4] or "") if code is None else _of_code(int(code, 16))
        if character is None:
            self._fail("an unknown escape")
        self._at = escape.end()
        return character

    def _repeats(self) -> str:
        found = _REPEATS.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        sign, least, comma, most = found.groups()
        if sign:
            return str(sign)
        if max(int(least), int(most or 0)) > _MAX_REPEATS or (most and int(most) < int(least)):
            self._fail(f"a repetition that is not from 0 to {_MAX_REPEATS} in order")
        return f"{{{least},{most or ''}}}" if comma else f"{{{least}}}"

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found is not None

    def _take(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            self._fail(f"{what} is missing")
        self._at = found.end()
        return found[0]

    def _expect(self, character: str) -> None:
        if self._text[self._at : self._at + 1] != character:
            self._fail(f"`{character}` is missing")
        self._at += 1

    def _fail(self, what: str) -> NoReturn:
        line = self._text.count("\n", 0, self._at) + 1
        near = self._text[self._at : self._at + 20].split("\n")[0]
        raise refused(f"broken grammar: {what}, in line {line} at {near!r}.", self._place)


def _of_code(code: int) -> str | None:
    is_character = code < 0x110000 and not 0xD800 <= code < 0xE000
    return chr(code) if is_character else None
