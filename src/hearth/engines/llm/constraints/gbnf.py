"""GBNF, llama.cpp's form of grammars, as llguidance's Lark.

https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md. llama.cpp's own machine for
it has no limits on time and memory, so that one grammar could stop every other request.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from hearth.engines.llm.constraints.gbnf_reader import (
    Alternatives,
    Class,
    Item,
    Literal,
    Reference,
    read_rules,
)
from hearth.engines.llm.constraints.refusals import refused

_ROOT = "root"


def lark_of(text: str, place: str) -> str:
    """Return the grammar in Lark, from the rule `start`.

    A grammar without recursion becomes terminals, so one automaton. Any other is written out
    character by character: a longer terminal would match as much as it can, and take away what
    the rule goes on with.

    Raises:
        Failed: the text is no GBNF, or has no rule `root`.
    """
    rules = read_rules(text, place)
    if _ROOT not in rules:
        raise refused("the grammar has no rule `root`.", place)
    writer = _Writer(as_terminals=not _is_recursive(rules))
    lines = [f"start: {writer.name(_ROOT)}"]
    lines += [f"{writer.name(name)}: {writer.spelled(rule)}" for name, rule in rules.items()]
    return "\n".join(lines) + "\n"


def _is_recursive(rules: dict[str, Alternatives]) -> bool:
    """Tell whether rules are left when those that use none are taken away, again and again."""
    left = {name: _references(rule) for name, rule in rules.items()}
    while plain := [name for name, used in left.items() if not used & left.keys()]:
        for name in plain:
            del left[name]
    return bool(left)


def _references(rule: Alternatives) -> set[str]:
    found: set[str] = set()
    for item in chain.from_iterable(rule):
        if isinstance(item.what, Reference):
            found.add(item.what.name)
        elif isinstance(item.what, list):
            found |= _references(item.what)
    return found


class _Writer:
    def __init__(self, *, as_terminals: bool) -> None:
        self._as_terminals = as_terminals
        self._numbers: dict[str, int] = {}

    def name(self, rule: str) -> str:
        """Lark tells terminals by their capitals."""
        number = self._numbers.setdefault(rule, len(self._numbers))
        return f"T{number}" if self._as_terminals else f"r{number}"

    def spelled(self, rule: Alternatives) -> str:
        return " | ".join(self._sequence(sequence) for sequence in rule)

    def _sequence(self, sequence: Sequence[Item]) -> str:
        return " ".join(f"{self._one(item.what)}{item.repeated}" for item in sequence) or '""'

    def _one(self, what: Literal | Class | Reference | Alternatives) -> str:
        if isinstance(what, Reference):
            return self.name(what.name)
        if isinstance(what, Class):
            return what.regex
        if isinstance(what, list):
            return f"({self.spelled(what)})"
        if self._as_terminals or len(what.text) < 2:
            return _quoted(what.text)
        return f"({' '.join(map(_quoted, what.text))})"


def _quoted(text: str) -> str:
    """Return the text as a regex: Lark's strings know few escapes."""
    spelled = (c if c.isascii() and c.isalnum() else rf"\x{{{ord(c):X}}}" for c in text)
    return f"/{''.join(spelled)}/" if text else '""'
