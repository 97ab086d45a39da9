"""The sequences of a choice: one, or one that thinks and one that answers."""

from __future__ import annotations

import msgspec

from hearth.engines.llm.active import Choice
from hearth.engines.llm.plan import Plan
from hearth.engines.llm.truncate import Prompt
from hearth.engines.llm.types import SequenceRequest


def thinking_sequence(whole: SequenceRequest, plan: Plan) -> SequenceRequest:
    """Return the first of two sequences: no longer than its budget."""
    budget = None if plan.thinking is None else plan.thinking.budget
    max_tokens = whole.max_tokens if budget is None else min(budget, whole.max_tokens)
    return msgspec.structs.replace(whole, max_tokens=max_tokens, grammar=None, prediction=None)


def answer_sequence(choice: Choice, prompt: Prompt, *, window: int) -> SequenceRequest | None:
    """Return the second of two sequences; None where thinking has left no token for it.

    Args:
        prompt: with what was thought, closed.
        window: tokens a sequence can hold.
    """
    whole = choice.request.first
    assert whole is not None
    assert choice.rich is not None
    left = min(whole.max_tokens - choice.rich.num_tokens, window - len(prompt.ids))
    if left < 1:
        return None
    return msgspec.structs.replace(whole, prompt=prompt.ids, max_tokens=left, prompt_logprobs=None)
