"""From a request to the sequences that answer it."""

from __future__ import annotations

import msgspec

from hearth.engines.engine import Failed
from hearth.engines.llm.plan import Manners, Plan
from hearth.engines.llm.rendering import Rendering
from hearth.engines.llm.safe_text import Guard
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.llm.truncate import (
    Prompt,
    Prompting,
    completion_budget,
    pieced_prompt,
    truncated_prompt,
    whole_prompt,
)
from hearth.engines.llm.types import SequenceRequest
from hearth.engines.protocol import Failure, GenerateRequest, Hello, Sampling


def completed(hello: Hello, template: ChatTemplate | str, manners: Manners) -> Hello:
    """Return a runner's `Hello` with what the text machinery adds to its capabilities.

    Every chat can be told of tools: where the template does not, we do.
    """
    is_chat = isinstance(template, ChatTemplate)
    capabilities = msgspec.structs.replace(
        hello.capabilities,
        chat=is_chat,
        tools=is_chat,
        reasoning=manners.reasoning.can_think,
        prompt_limit=True,
    )
    return msgspec.structs.replace(hello, capabilities=capabilities)


def open_prompting(
    request: GenerateRequest,
    template: ChatTemplate | str,
    manners: Manners,
    plan: Plan,
    *,
    window: int,
) -> Prompting | None:
    """Return how the prompt is made from text; None where it is given as token ids.

    Args:
        window: tokens a sequence can hold, prompt and completion together.

    Raises:
        Failed: it is a chat and the model has no template that works, or it refuses the chat.
    """
    if request.messages is None:
        return whole_prompt(request.prompt) if isinstance(request.prompt, str) else None
    if isinstance(template, str):
        raise _refused(template, "messages")
    rendering = Rendering(template, manners.tools, request, plan)
    if request.safe_tokenization:
        guard = Guard()
        return pieced_prompt(guard.pieces(rendering.render(request.messages, guard)))
    render = template.render if rendering.is_plain else rendering.render
    limit = request.prompt_truncate_tokens
    if limit is None:
        return whole_prompt(render(request.messages))
    if limit >= window:
        limit = window - min(request.max_tokens or window // 4, window // 2)
    return truncated_prompt(request.messages, render, limit)


def sequence_of(
    asked: GenerateRequest, plan: Plan, prompt: Prompt, *, window: int, sampling: Sampling
) -> SequenceRequest:
    """Return the sequence of the first choice; those of the others differ in number and seed.

    Raises:
        Failed: the prompt is empty or does not fit.
    """
    param = "prompt" if asked.messages is None else "messages"
    if not prompt.ids:
        raise _refused("The prompt must not be empty.", param)
    if asked.max_prompt_tokens is not None and len(prompt.ids) > asked.max_prompt_tokens:
        raise Failed(_over_limit(len(prompt.ids), asked.max_prompt_tokens))
    max_tokens = completion_budget(
        len(prompt.ids),
        asked.max_tokens,
        window=window,
        overflow=asked.context_overflow,
        param=param,
    )
    return SequenceRequest(
        sequence=0,
        prompt=prompt.ids,
        max_tokens=max_tokens,
        sampling=sampling,
        seed=asked.seed,
        ignore_eos=asked.ignore_eos,
        grammar=plan.grammar,
        logprobs=asked.logprobs,
        prompt_logprobs=None if asked.echo_tokens is None else asked.logprobs,
        stop_ids=frozenset(asked.stop_token_ids),
        shown_tokens=plan.shown_tokens,
        token_ids=asked.return_token_ids,
        adapter=asked.adapter,
        cache_group=asked.cache_group,
        use_cache=asked.use_cache,
        prediction=asked.prediction,
        priority=asked.priority,
    )


def _refused(message: str, param: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=param))


def _over_limit(num: int, limit: int) -> Failure:
    message = f"The prompt has {num} tokens; {limit} were allowed for."
    return Failure(kind="prompt_limit", message=message, prompt_tokens=num)
