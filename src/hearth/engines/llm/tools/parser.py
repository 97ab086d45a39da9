"""The streaming parser of tool calls: text in, text and pieces of calls out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from hearth.engines.llm.tools.calls import Calls, Piece
from hearth.engines.llm.tools.source import Reading, Source

Grammar: TypeAlias = Callable[[Source, Calls], Reading[None]]
"How one model family writes calls: reads a whole answer."


class ToolParser(Protocol):
    """Finds the calls in one answer.

    The joined pieces depend on the text alone, never on how it was cut. Nothing is lost: what is
    no call comes out as text. A call is sent as soon as its name and the start of its arguments are
    known; should its arguments break later, they end there and the rest is text. White space before
    a call and after the last one belongs to them.
    """

    @property
    def is_over(self) -> bool:
        """All that was allowed is there (one call, without `parallel`); what follows is dropped."""
        ...

    def push(self, text: str) -> list[Piece]:
        """Add text; return what is certain by now."""
        ...

    def end(self) -> list[Piece]:
        """Return what was held back: the text has ended. Not to be pushed again."""
        ...


class StreamParser:
    """Implements `ToolParser` for one grammar."""

    def __init__(self, grammar: Grammar, calls: Calls) -> None:
        self._source = Source()
        self._calls = calls
        self._reading = grammar(self._source, calls)
        next(self._reading)

    @property
    def is_over(self) -> bool:
        """See `ToolParser.is_over`."""
        return self._calls.is_over

    def push(self, text: str) -> list[Piece]:
        """See `ToolParser.push`."""
        self._source.feed(text)
        next(self._reading)
        return self._calls.take()

    def end(self) -> list[Piece]:
        """See `ToolParser.end`."""
        self._source.ended = True
        for _ in self._reading:
            raise AssertionError("a grammar waits for more of a text that has ended")
        return self._calls.end()
