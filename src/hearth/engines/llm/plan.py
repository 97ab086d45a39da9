"""What a request needs of the text machinery beyond plain text, decided before it starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from hearth.engines.llm.constraints import compile_constraint
from hearth.engines.llm.reasoning import ReasoningStyle, Thinking, thinking_of
from hearth.engines.protocol import GenerateRequest, ToolCallDelta


class ToolParser(Protocol):
    """Reads calls out of one text."""

    @property
    def is_over(self) -> bool:
        """All calls that were allowed are there."""
        ...

    def push(self, text: str) -> list[str | ToolCallDelta]:
        """Add a piece; return what can be told now."""
        ...

    def end(self) -> list[str | ToolCallDelta]:
        """Return what was held back."""
        ...


class Plan(Struct, frozen=True, kw_only=True):
    """How a request is answered."""

    thinking: Thinking | None = None
    grammar: str | None = None
    "Of the answer, not of what is thought before it."
    new_parser: Callable[[], ToolParser] | None = None
    "Makes the reader of a choice's tool calls."
    tells_tokens: bool = False

    @property
    def is_rich(self) -> bool:
        """Its choices need more than `ChoiceText`."""
        return self.thinking is not None or self.new_parser is not None or self.tells_tokens


PLAIN = Plan()


def plan_of(request: GenerateRequest, style: ReasoningStyle) -> Plan:
    """Decide how a request is answered.

    Raises:
        Failed: the model cannot think as asked, or the constraint cannot be held.
    """
    constraint = request.constraint
    grammar = None if constraint is None else compile_constraint(constraint)
    thinking = None
    if request.messages is not None and (request.reasoning is not None or style.can_think):
        thinking = thinking_of(request, style, is_constrained=grammar is not None)
    tells_tokens = request.logprobs is not None or request.return_token_ids
    if thinking is None and grammar is None and not tells_tokens:
        return PLAIN
    return Plan(thinking=thinking, grammar=grammar, tells_tokens=tells_tokens)
