"""How a model is told to think, and for how long.

A model that reasons says so in its chat template: it reads one of the known switches, or it speaks
of the tags. Any other model can only be made to think by us: its thinking is opened in the prompt,
cut after a budget and closed, which is called emulated and done only where a request allows it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from hearth.engines.engine import Failed
from hearth.engines.llm.reasoning_splitter import CLOSING, OPENING
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.protocol import Failure, GenerateRequest, Reasoning

OPENED = f"{OPENING}\n"
CLOSED = f"\n{CLOSING}\n\n"

# A model that was not trained on the tags forgets the question over them. With a sentence after
# each, SmolLM2 answered four questions of four from what it had thought; without, one at most.
_EMULATED_OPENED = f"{OPENED}Let me think about this step by step.\n"
_EMULATED_CLOSED = f"{CLOSED}My answer:"

# Tokens of thinking where the template takes no effort. The same steps as the thinking budgets of
# Gemini's OpenAI-compatible API; `max` leaves it to the model.
EFFORT_BUDGETS = {"low": 1024, "medium": 8192, "high": 24576, "max": None}
# A model that was not trained to think seldom stops by itself, so it spends nearly all of this:
# one to eight seconds of a small model on two cores.
EMULATED_BUDGETS = {"low": 64, "medium": 128, "high": 256, "max": 512}

_ON_OFF = frozenset({"enable_thinking", "thinking"})  # Qwen3, GLM and others; DeepSeek V3.1
_EFFORT = "reasoning_effort"  # gpt-oss
_KEEP = {"clear_thinking": False, "preserve_thinking": True}  # GLM 4.7; Kimi, Qwen3.5
_PARAM = "reasoning_effort"


class ReasoningStyle(Struct, frozen=True):
    """What a chat template knows of reasoning."""

    variables: frozenset[str] = frozenset()
    "The switches it reads."
    has_tags: bool = False

    @property
    def can_think(self) -> bool:
        """The model reasons by its own template."""
        return self.has_tags or bool(self.variables)

    @property
    def can_switch_off(self) -> bool:
        """Thinking can be left out."""
        return bool(self.variables & _ON_OFF)


class Thinking(Struct, frozen=True, kw_only=True):
    """How one request thinks; None in its place: its text is an answer from the first token."""

    budget: int | None = None
    "The most tokens of thinking; None: no end but that of the request."
    is_apart: bool = False
    "In a sequence of its own, so that it can be cut, and the answer alone constrained."
    may_open: bool = False
    "The tag is opened for the model where the template has not."
    is_skipped: bool = False
    "Opened and closed at once: an answer from a model that always thinks."
    is_emulated: bool = False

    @property
    def opening(self) -> str:
        """What opens thinking at the end of a prompt."""
        return _EMULATED_OPENED if self.is_emulated and not self.is_skipped else OPENED

    @property
    def closing(self) -> str:
        """What closes thinking before the answer."""
        return _EMULATED_CLOSED if self.is_emulated and not self.is_skipped else CLOSED


def style_of(template: ChatTemplate | str) -> ReasoningStyle:
    """Read the style off a template; a model without one does not reason."""
    if isinstance(template, str):
        return ReasoningStyle()
    known = _ON_OFF | {_EFFORT}
    has_tags = OPENING in template.source or CLOSING in template.source
    return ReasoningStyle(template.variables & known, has_tags)


def thinking_of(
    request: GenerateRequest, style: ReasoningStyle, *, is_constrained: bool
) -> Thinking | None:
    """Decide how a chat thinks.

    Raises:
        Failed: the model cannot think as asked.
    """
    asked = request.reasoning or Reasoning()
    is_wanted = _is_wanted(asked)
    if not style.can_think:
        return _emulated(request, asked) if is_wanted else None
    if is_wanted is False and not style.can_switch_off:
        if style.has_tags and asked.may_emulate:
            return Thinking(is_skipped=True, is_emulated=True)
        raise _refused("This model always thinks: it cannot be switched off.")
    if not style.has_tags:
        if asked.budget_tokens is not None:
            raise _refused("How long this model thinks can be given as low, medium or high only.")
        return None
    budget = asked.budget_tokens
    if budget is None and asked.effort is not None and _EFFORT not in style.variables:
        budget = EFFORT_BUDGETS[asked.effort]
    return Thinking(
        budget=budget,
        is_apart=is_wanted is not False and (budget is not None or is_constrained),
        may_open=bool(is_wanted) or "enable_thinking" in style.variables,
    )


def template_switches(asked: Reasoning | None, template: ChatTemplate) -> dict[str, Any]:
    """Return the variables that tell the template what was asked; Any: bools and words."""
    if asked is None:
        return {}
    values: dict[str, Any] = {}
    is_wanted = _is_wanted(asked)
    if is_wanted is not None:
        values |= dict.fromkeys(_ON_OFF, is_wanted)
    if asked.effort is not None:
        values[_EFFORT] = "high" if asked.effort == "max" else asked.effort
    if asked.history == "preserved":
        values |= _KEEP
    return {name: value for name, value in values.items() if name in template.variables}


def with_thinking_begun(text: str, thinking: Thinking | None) -> str:
    """Return the rendered prompt, its thinking opened or skipped where that falls to us."""
    if thinking is None or is_closed(text):
        return text
    if thinking.is_skipped:
        return (text if is_open(text) else text + thinking.opening) + thinking.closing
    if thinking.is_apart and thinking.may_open and not is_open(text):
        return text + thinking.opening
    return text


def is_open(text: str) -> bool:
    """Say whether a prompt ends inside thinking."""
    return text.rstrip().endswith(OPENING) or text.endswith(_EMULATED_OPENED)


def is_closed(text: str) -> bool:
    """Say whether a prompt ends just after thinking, as templates leave it out."""
    return text.rstrip().endswith(CLOSING)


def _is_wanted(asked: Reasoning) -> bool | None:
    if asked.enabled is None and (asked.effort is not None or asked.budget_tokens is not None):
        return True
    return asked.enabled


def _emulated(request: GenerateRequest, asked: Reasoning) -> Thinking:
    if not asked.may_emulate:
        raise _refused("This model does not reason.")
    budget = asked.budget_tokens
    if budget is None:
        budget = EMULATED_BUDGETS[asked.effort or "medium"]
        if request.max_tokens is not None:
            budget = min(budget, max(1, request.max_tokens // 2))  # leaves room for an answer
    return Thinking(budget=budget, is_apart=True, may_open=True, is_emulated=True)


def _refused(message: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=_PARAM))
