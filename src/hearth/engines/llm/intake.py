"""From a request to the sequences that answer it."""

from __future__ import annotations

from collections.abc import Sequence

from hearth.engines.engine import Failed
from hearth.engines.llm.active import ActiveRequest
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.llm.truncate import (
    Prompting,
    completion_budget,
    truncated_prompt,
    whole_prompt,
)
from hearth.engines.llm.types import SequenceRequest
from hearth.engines.protocol import Failure, GenerateRequest, Sampling


def open_prompting(request: GenerateRequest, template: ChatTemplate | str) -> Prompting | None:
    """Return how the prompt is made from text; None where it is given as token ids.

    Raises:
        Failed: it is a chat and the model has no template that works.
    """
    if request.messages is None:
        return whole_prompt(request.prompt) if isinstance(request.prompt, str) else None
    if isinstance(template, str):
        raise Failed(Failure(kind="invalid", message=template, param="messages"))
    limit = request.prompt_truncate_tokens
    if limit is None:
        return whole_prompt(template.render(request.messages))
    return truncated_prompt(request.messages, template.render, limit)


def sequence_of(
    active: ActiveRequest, prompt: Sequence[int], *, window: int, sampling: Sampling
) -> SequenceRequest:
    """Return the sequence of the first choice; those of the others differ in number and seed.

    Raises:
        Failed: the prompt is empty or does not fit.
    """
    asked = active.asked
    param = "prompt" if asked.messages is None else "messages"
    if not prompt:
        raise Failed(Failure(kind="invalid", message="The prompt must not be empty.", param=param))
    max_tokens = completion_budget(
        len(prompt),
        asked.max_tokens,
        window=window,
        overflow=asked.context_overflow,
        param=param,
    )
    return SequenceRequest(
        sequence=0,
        prompt=prompt,
        max_tokens=max_tokens,
        sampling=sampling,
        seed=asked.seed,
        ignore_eos=asked.ignore_eos,
    )
