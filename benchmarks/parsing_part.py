"""What finding calls and thinking costs a worker, per piece of text; CPU of this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median

from msgspec import Struct

from benchmarks.figures import Figure
from hearth.engines.llm.reasoning_splitter import ReasoningSplitter
from hearth.engines.llm.tools import ToolFamily, family_of
from hearth.engines.protocol import Tool, ToolUse

ROUNDS = 15
REPEATS = 200
TEMPLATES = {
    "hermes": "{{ tools }} <tool_call>{{ tool_calls }}</tool_call>",
    "llama3": "{{ tools }} <|python_tag|> {{ tool_calls }}",
    "mistral": "{{ tools }} [TOOL_CALLS] {{ tool_calls }}",
    "generic": "{{ messages }}",
}
TEXT = (
    "The keeper of the lighthouse {first} looked at the sea, [then] at the <old> clock, and wrote: "
    "nothing but waves, \"again\", and 'rain'.\n"
) * 4
CALL = (
    '<tool_call>\n{"name": "log", "arguments": {"text": "a night of wind and rain"}}\n</tool_call>'
)
THINKING = f"<think>\n{TEXT}</think>\n\n{TEXT}"
USE = ToolUse(tools=[Tool(name="log", parameters={"type": "object"})])


class ParsingRun(Struct):
    """CPU microseconds per piece, by what was read: the median over rounds."""

    cpu_us: dict[str, float]

    def tools(self) -> float:
        """The dearest of the families."""
        return max(cost for name, cost in self.cpu_us.items() if name != "thinking")


def run() -> ParsingRun:
    """Feed texts in pieces of the size of a token."""
    costs = {}
    for name, template in TEMPLATES.items():
        text = f"{TEXT}{CALL}" if name == "hermes" else TEXT
        costs[name] = _cost(text, partial(_parsing, family_of(template)))
    costs["thinking"] = _cost(THINKING, lambda: ReasoningSplitter(is_open=False).push)
    for name, cost in costs.items():
        print(f"parsing: {name} {cost:.2f} us a piece")
    return ParsingRun(costs)


def _parsing(family: ToolFamily) -> Callable[[str], object]:
    return family.parser(USE).push


def _cost(text: str, begin: Callable[[], Callable[[str], object]]) -> float:
    pieces = [text[i : i + 4] for i in range(0, len(text), 4)]
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(REPEATS):
            push = begin()
            for piece in pieces:
                push(piece)
        rounds.append(1e6 * (time.process_time() - start) / (REPEATS * len(pieces)))
    return median(rounds)


FIGURES: list[Figure[ParsingRun]] = [
    Figure(
        name="tool_parsing_cpu_per_chunk",
        unit="us",
        target=10.0,
        direction="at most",
        measure=ParsingRun.tools,
    ),
    Figure(
        name="reasoning_split_cpu_per_chunk",
        unit="us",
        target=10.0,
        direction="at most",
        measure=lambda run: run.cpu_us["thinking"],
    ),
]
