"""POST /chat/completions."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from msgspec.structs import replace

from hearth.engines.protocol import GenerateRequest
from hearth.errors import InvalidRequest
from hearth.gateway.answers import Shown
from hearth.gateway.build import Desk, generate_request, shown_by
from hearth.gateway.choice_forms import CHAT
from hearth.gateway.history import read_message
from hearth.gateway.http import Exchange
from hearth.gateway.inference import Inference
from hearth.gateway.routing import Router
from hearth.gateway.text_answer import TextAnswer
from hearth.gateway.thinking import read_reasoning
from hearth.gateway.tool_use import read_tool_use
from hearth.gateway.types import ChatRequest


class ChatCompletions:
    """Answers a conversation with the assistant's next turn.

    Args:
        may_emulate: a model without a template for reasoning may think in a phase of its own.
    """

    def __init__(
        self, router: Router, inference: Inference, *, is_strict: bool, may_emulate: bool
    ) -> None:
        self._desk = Desk(router, ChatRequest, is_strict=is_strict)
        self._inference = inference
        self._may_emulate = may_emulate

    def __call__(self, exchange: Exchange, body: bytes) -> Coroutine[Any, Any, None] | None:
        """Answer the exchange; see `Handler`.

        Raises:
            ApiError: nothing was answered.
        """
        draft = self._desk.draft(exchange, body)
        answer = TextAnswer(draft.head(), CHAT, _shown(draft.body))
        generate = chat_request(draft.body, draft.group(), may_emulate=self._may_emulate)
        return self._inference.run(exchange, draft.job([generate], answer, given_names(draft.body)))


def chat_request(body: ChatRequest, group: str, *, may_emulate: bool) -> GenerateRequest:
    """What a worker is asked.

    Args:
        group: see `cache_group`.

    Raises:
        InvalidRequest: fields that exclude each other, or a value that is none.
    """
    if body.safe_tokenization and body.prompt_truncate_len is not None:
        raise InvalidRequest(
            "'safe_tokenization' and 'prompt_truncate_len' exclude each other.",
            param="safe_tokenization",
        )
    has_tools = body.tools or body.functions or body.tool_choice
    return replace(
        generate_request(body, group),
        messages=[read_message(i, message) for i, message in enumerate(body.messages)],
        prompt_truncate_tokens=body.prompt_truncate_len,
        safe_tokenization=body.safe_tokenization or False,
        tool_use=read_tool_use(body) if has_tools else None,
        reasoning=read_reasoning(body, may_emulate=may_emulate),
    )


def given_names(body: ChatRequest) -> dict[str, str]:
    """The names of fields that workers know under another one; see `Job.field_names`."""
    names = {}
    if body.functions:
        names = {"tools": "functions", "tool_choice": "function_call", ".function": ""}
    if body.thinking is not None:
        names["reasoning_effort"] = "thinking"
    if body.max_completion_tokens is not None:
        names["max_tokens"] = "max_completion_tokens"
    return names


def _shown(body: ChatRequest) -> Shown:
    shown = shown_by(body, choices_per_prompt=body.n or 1)
    is_inline, is_legacy = body.reasoning_format == "inline", bool(body.functions)
    if is_inline or is_legacy:
        return replace(shown, inline_reasoning=is_inline, legacy_calls=is_legacy)
    return shown
