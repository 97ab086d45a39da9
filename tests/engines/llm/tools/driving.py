"""Parsers driven with given texts, and their pieces joined as a client joins them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count, pairwise

from hypothesis import strategies as st

from hearth.engines.llm.tools import CallFormat, Piece, ToolFamily, ToolParser
from hearth.engines.protocol import Tool, ToolCallDelta, ToolUse

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FILE = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "lines": {"type": "array"},
        "mode": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
}
TOOLS = [
    Tool("get_weather", "The weather of a city.", CITY),
    Tool("add", "Add numbers.", {"type": "object", "properties": {"a": {"type": "number"}}}),
    Tool("get_time"),
    Tool("get_weather_tomorrow", "", CITY),
    Tool("write", "", FILE),
]
AUTO = ToolUse(tools=TOOLS)


@dataclass
class Call:
    """A call, as a client has put it together."""

    id: str
    name: str
    arguments: str


@dataclass
class Answer:
    """What came of a text."""

    text: str
    calls: list[Call]

    def said(self) -> list[tuple[str, str]]:
        """The calls without their ids."""
        return [(call.name, call.arguments) for call in self.calls]


def numbered() -> Callable[[], str]:
    """Ids that are the same in every run."""
    numbers = count()
    return lambda: f"call_{next(numbers):024}"


def parser(form: str, tool_use: ToolUse = AUTO) -> ToolParser:
    """The parser of a family, with ids that can be compared."""
    family = ToolFamily(format=CallFormat(form), renders_tools=True, renders_history=True)
    return family.parser(tool_use, numbered())


def parsed(parser: ToolParser, deltas: Iterable[str]) -> Answer:
    """What the parser makes of these deltas; checks the rules of their order."""
    pieces: list[Piece] = []
    for delta in deltas:
        pieces += parser.push(delta)
    return joined(pieces + parser.end())


def joined(pieces: Iterable[Piece]) -> Answer:
    """Put pieces together; id and name come once, with the first piece of a call."""
    answer = Answer("", [])
    for piece in pieces:
        if isinstance(piece, str):
            assert piece
            answer.text += piece
        elif piece.id:
            assert piece.index == len(answer.calls)
            answer.calls.append(Call(piece.id, piece.name, piece.arguments))
        else:
            assert isinstance(piece, ToolCallDelta)
            assert piece.name == ""
            assert piece.arguments
            assert piece.index == len(answer.calls) - 1
            answer.calls[-1].arguments += piece.arguments
    return answer


def cut(text: str, places: Iterable[int]) -> list[str]:
    """The text in pieces."""
    borders = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(borders)]


CUTS = st.lists(st.integers(0, 2_000), max_size=40)
