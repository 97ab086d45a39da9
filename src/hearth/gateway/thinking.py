"""How much a request lets the model think: by `reasoning_effort`, or by `thinking`."""

from __future__ import annotations

from typing import Literal

from hearth.engines.protocol import Reasoning
from hearth.errors import InvalidRequest
from hearth.gateway.types import ChatRequest, Thinking

Effort = Literal["low", "medium", "high", "max"]

EFFORTS: dict[str, Effort] = {
    "minimal": "low", "low": "low", "medium": "medium", "high": "high", "max": "max",
    "xhigh": "max",
}  # fmt: skip
"""The words of the APIs for what engines know."""


def read_reasoning(body: ChatRequest, *, may_emulate: bool) -> Reasoning | None:
    """What the request says of reasoning; None where it says nothing.

    Raises:
        InvalidRequest: two fields say it, or an effort is none.
    """
    effort, history = body.reasoning_effort, body.reasoning_history
    if body.thinking is not None:
        if effort is not None:
            raise InvalidRequest(
                "Give either 'thinking' or 'reasoning_effort', not both.", param="thinking"
            )
        return reasoning_of_thinking(body.thinking, may_emulate=may_emulate, history=history)
    if effort is None:
        return None if history is None else Reasoning(history=history)
    if effort is False or effort == "none":
        return Reasoning(enabled=False, history=history)
    if effort == "adaptive":
        return Reasoning(history=history, may_emulate=may_emulate)
    if isinstance(effort, int) and effort is not True:
        return Reasoning(
            enabled=True, budget_tokens=effort, history=history, may_emulate=may_emulate
        )
    known: Effort | None = "medium" if effort is True else EFFORTS.get(str(effort))
    if known is None:
        raise InvalidRequest(
            f"Invalid reasoning effort: {str(effort)[:40]}", param="reasoning_effort"
        )
    return Reasoning(enabled=True, effort=known, history=history, may_emulate=may_emulate)


def reasoning_of_thinking(
    thinking: Thinking,
    *,
    may_emulate: bool,
    history: Literal["disabled", "interleaved", "preserved"] | None = None,
) -> Reasoning:
    """Anthropic's switch in the worker's words; `adaptive` leaves it to the model."""
    if thinking.type == "disabled":
        return Reasoning(enabled=False, history=history)
    return Reasoning(
        enabled=True if thinking.type == "enabled" else None,
        budget_tokens=thinking.budget_tokens,
        history=history,
        may_emulate=may_emulate,
    )
