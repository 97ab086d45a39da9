"""What a request needs of the text machinery beyond plain text, decided before it starts."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from hearth.engines.llm.constraints import compile_constraint
from hearth.engines.llm.reasoning import ReasoningStyle, Thinking, style_of, thinking_of
from hearth.engines.llm.reasoning_splitter import CLOSING, OPENING
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.llm.tools import (
    ToolFamily,
    ToolParser,
    argument_constraints,
    family_of,
    forced,
    forced_parser,
    marker_tokens,
)
from hearth.engines.protocol import Constraint, GenerateRequest, ToolUse


class Manners(Struct, frozen=True):
    """How a model reasons and calls tools, as its chat template tells."""

    reasoning: ReasoningStyle
    tools: ToolFamily


def manners_of(template: ChatTemplate | str) -> Manners:
    """Read them off a template; without one there are no chats, so neither thinking nor calls."""
    source = template.source if isinstance(template, ChatTemplate) else ""
    return Manners(style_of(template), family_of(source))


class Plan(Struct, frozen=True, kw_only=True):
    """How a request is answered."""

    thinking: Thinking | None = None
    grammar: str | None = None
    "Of the answer, not of what is thought before it."
    new_parser: Callable[[], ToolParser] | None = None
    "Makes the reader of a choice's tool calls."
    shown_tokens: tuple[str, ...] = ()
    "Special tokens that thinking and calls are told by."
    tells_tokens: bool = False

    @property
    def is_rich(self) -> bool:
        """Its choices need more than `ChoiceText`."""
        return self.thinking is not None or self.new_parser is not None or self.tells_tokens


PLAIN = Plan()


def plan_of(request: GenerateRequest, manners: Manners) -> Plan:
    """Decide how a request is answered.

    Raises:
        Failed: the model cannot think as asked, or the constraint cannot be held.
    """
    use = offered_tools(request)
    constraint = request.constraint if use is None else _forced_call(use)
    grammar = None if constraint is None else compile_constraint(constraint)
    thinking = None
    if request.messages is not None and (
        request.reasoning is not None or manners.reasoning.can_think
    ):
        thinking = thinking_of(request, manners.reasoning, is_constrained=grammar is not None)
    tells_tokens = request.logprobs is not None or request.return_token_ids
    if use is None and thinking is None and grammar is None and not tells_tokens:
        return PLAIN
    return Plan(
        thinking=thinking,
        grammar=grammar,
        new_parser=None if use is None else _parser_maker(use, manners.tools),
        shown_tokens=_shown_tokens(use, thinking, manners.tools),
        tells_tokens=tells_tokens,
    )


def offered_tools(request: GenerateRequest) -> ToolUse | None:
    """Return the tools that the model is told of; with `none` it must not call, so none are."""
    use = request.tool_use
    return None if use is None or use.choice == "none" or not _has_any(use) else use


def _has_any(use: ToolUse) -> bool:
    return bool(use.tools) or use.choice == "required"  # which is refused with its own words


def _forced_call(use: ToolUse) -> Constraint | None:
    """Return what the answer must match where a call is required.

    Raises:
        Failed: the schema of an argument cannot be held; the place is one in the request.
    """
    if use.choice != "required":
        return None
    for arguments in argument_constraints(use):
        compile_constraint(arguments)
    return forced(use)


def _shown_tokens(
    use: ToolUse | None, thinking: Thinking | None, family: ToolFamily
) -> tuple[str, ...]:
    tags = () if thinking is None else (OPENING, CLOSING)
    return tags if use is None or use.choice == "required" else tags + marker_tokens(family)


def _parser_maker(use: ToolUse, family: ToolFamily) -> Callable[[], ToolParser]:
    if use.choice == "required":
        return lambda: forced_parser(use)
    return lambda: family.parser(use)
