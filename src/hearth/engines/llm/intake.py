"""From a request to the sequences that answer it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hearth.engines.engine import Failed
from hearth.engines.llm.conversation import message_entries, tool_entries
from hearth.engines.llm.plan import Plan
from hearth.engines.llm.reasoning import ReasoningStyle, template_switches, with_thinking_begun
from hearth.engines.llm.safe_text import Guard
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.llm.truncate import (
    Prompt,
    Prompting,
    Render,
    completion_budget,
    pieced_prompt,
    truncated_prompt,
    whole_prompt,
)
from hearth.engines.llm.types import SequenceRequest
from hearth.engines.protocol import Failure, GenerateRequest, Hello, Message, Sampling


def completed(hello: Hello, template: ChatTemplate | str, style: ReasoningStyle) -> Hello:
    """Return a runner's `Hello` with what the text machinery adds to its capabilities."""
    capabilities = msgspec.structs.replace(
        hello.capabilities,
        chat=isinstance(template, ChatTemplate),
        reasoning=style.can_think,
    )
    return msgspec.structs.replace(hello, capabilities=capabilities)


def open_prompting(
    request: GenerateRequest, template: ChatTemplate | str, plan: Plan
) -> Prompting | None:
    """Return how the prompt is made from text; None where it is given as token ids.

    Raises:
        Failed: it is a chat and the model has no template that works, or it refuses the chat.
    """
    if request.messages is None:
        return whole_prompt(request.prompt) if isinstance(request.prompt, str) else None
    if isinstance(template, str):
        raise _refused(template, "messages")
    if request.safe_tokenization:
        guard = Guard()
        rendered = _renderer(request, template, plan, guard)(request.messages)
        return pieced_prompt(guard.pieces(rendered))
    is_plain = request.reasoning is None and request.tool_use is None and plan.thinking is None
    render = template.render if is_plain else _renderer(request, template, plan, None)
    limit = request.prompt_truncate_tokens
    if limit is None:
        return whole_prompt(render(request.messages))
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
        token_ids=asked.return_token_ids,
        cache_group=asked.cache_group,
        use_cache=asked.use_cache,
        prediction=asked.prediction,
    )


def _renderer(
    request: GenerateRequest, template: ChatTemplate, plan: Plan, guard: Guard | None
) -> Render:
    """Return how messages are rendered with all that the request says beside them."""
    reasoning = request.reasoning
    history = None if reasoning is None else reasoning.history
    switches = template_switches(reasoning, template)
    use = request.tool_use
    tools = tool_entries(use.tools) if use is not None and use.choice != "none" else []
    if guard is not None:
        tools = guard.mark(tools)

    def render(messages: Sequence[Message]) -> str:
        entries = message_entries(messages, history)
        if guard is not None:
            entries = guard.mark(entries)
        text = template.render_entries(entries, tools=tools or None, variables=switches)
        if history == "preserved":
            _check_preserved(messages, text)
        return with_thinking_begun(text, plan.thinking)

    return render


def _check_preserved(messages: Sequence[Message], rendered: str) -> None:
    if not all(message.reasoning.strip() in rendered for message in messages):
        raise _refused(
            "This model's chat template leaves earlier thinking out; "
            "`reasoning_history` cannot be `preserved`.",
            "reasoning_history",
        )


def _refused(message: str, param: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=param))
