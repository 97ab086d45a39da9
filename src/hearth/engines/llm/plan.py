"""What a request needs of the text machinery beyond plain text, decided before it starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from hearth.engines.llm.reasoning import ReasoningStyle, Thinking, thinking_of
from hearth.engines.protocol import GenerateRequest, ToolCallDelta


class ToolParser(Protocol):
    """Reads calls out of one text."""

    def push(self, text: str) -> list[str | ToolCallDelta]:
        """Add a piece; return what can be told now."""
        ...

    def end(self) -> list[str | ToolCallDelta]:
        """Return what was held back."""
        ...


class Plan(Struct, frozen=True, kw_only=True):
    """How a request is answered."""

    thinking: Thinking | None = None
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
        Failed: the model cannot think as asked.
    """
    thinking = None
    if request.messages is not None and (request.reasoning is not None or style.can_think):
        is_constrained = request.constraint is not None
        thinking = thinking_of(request, style, is_constrained=is_constrained)
    tells_tokens = request.logprobs is not None or request.return_token_ids
    if thinking is None and not tells_tokens:
        return PLAIN
    return Plan(thinking=thinking, tells_tokens=tells_tokens)
