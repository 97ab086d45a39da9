"""What no field of a server's API expresses, refused before it is asked."""

from __future__ import annotations

from hearth.engines.engine import Failed
from hearth.engines.protocol import Failure, GenerateRequest, Reasoning
from hearth.engines.remote.kinds import Kind


def check_reach(request: GenerateRequest, kind: Kind) -> None:
    """Refuse what no field of the server's API expresses.

    Raises:
        Failed: naming the field.
    """
    if request.prompt_truncate_tokens is not None and kind is not Kind.HEARTH:
        raise _refused(f"A {kind} upstream cannot drop old messages.", "prompt_truncate_len")
    if request.messages is None and request.max_tokens is None and kind is Kind.OPENAI:
        raise _refused(
            "Give `max_tokens`: left out, the upstream of this model stops after 16 tokens.",
            "max_tokens",
        )
    if request.safe_tokenization and kind is not Kind.HEARTH:
        raise _refused(f"A {kind} upstream cannot tokenise safely.", "safe_tokenization")
    if request.max_prompt_tokens is not None:
        raise _refused("Upstreams count a prompt when they have computed it.", "max_prompt_tokens")
    if request.return_prompt:
        raise _refused("Upstreams do not show what they make of a prompt.", "raw_output")
    if not request.use_cache and kind is not Kind.HEARTH:
        raise _refused(f"The cache of a {kind} upstream is its own.", "prompt_cache_max_len")
    if request.reasoning is not None and kind is not Kind.HEARTH:
        _check_reasoning(request.reasoning, kind)


def _check_reasoning(reasoning: Reasoning, kind: Kind) -> None:
    if reasoning.budget_tokens is not None:
        raise _refused(
            f"A {kind} upstream takes no number of tokens; give low, medium or high.",
            "reasoning_effort",
        )
    if reasoning.effort == "max":
        raise _refused(f"A {kind} upstream knows no effort above high.", "reasoning_effort")
    if reasoning.history is not None:
        raise _refused(f"A {kind} upstream has no switch for it.", "reasoning_history")


def _refused(message: str, param: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=param))
