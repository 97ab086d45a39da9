"""POST /chat/completions."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from hearth.engines.protocol import Message
from hearth.errors import InvalidRequest
from hearth.gateway.answers import ChatAnswer
from hearth.gateway.build import Desk, generate_request
from hearth.gateway.http import Exchange
from hearth.gateway.inference import Inference
from hearth.gateway.routing import Router
from hearth.gateway.types import ChatMessage, ChatRequest


class ChatCompletions:
    """Answers a conversation with the assistant's next turn."""

    def __init__(self, router: Router, inference: Inference, *, is_strict: bool) -> None:
        self._desk = Desk(router, ChatRequest, is_strict=is_strict)
        self._inference = inference

    def __call__(self, exchange: Exchange, body: bytes) -> Coroutine[Any, Any, None] | None:
        """Answer the exchange; see `Handler`.

        Raises:
            ApiError: nothing was answered.
        """
        draft = self._desk.draft(exchange, body)
        generate = generate_request(
            draft.body,
            messages=[_message(i, message) for i, message in enumerate(draft.body.messages)],
            prompt_truncate_tokens=draft.body.prompt_truncate_len,
        )
        return self._inference.run(exchange, draft.job([generate], ChatAnswer(draft.head())))


def _message(index: int, message: ChatMessage) -> Message:
    """A message as chat templates take it.

    Raises:
        InvalidRequest: it holds what no engine here can read.
    """
    role, text = message.role, message.content
    if message.tool_calls or message.tool_call_id or message.reasoning_content or role == "tool":
        _refuse_unsupported(f"messages[{index}]", message)
    if not isinstance(text, str):
        text = _text(f"messages[{index}]", message)
    return Message("system" if role == "developer" else role, text, message.name)


def _refuse_unsupported(where: str, message: ChatMessage) -> None:
    for name in ("tool_calls", "tool_call_id", "reasoning_content"):
        if getattr(message, name):
            raise InvalidRequest(
                f"'{name}' is not supported yet; leave it out.", param=f"{where}.{name}"
            )
    raise InvalidRequest("Tool results are not supported yet.", param=f"{where}.role")


def _text(where: str, message: ChatMessage) -> str:
    assert not isinstance(message.content, str)
    if message.content is None:
        if message.role == "assistant":
            return ""
        raise InvalidRequest(f"'{where}.content' is required.", param=f"{where}.content")
    texts = []
    for i, part in enumerate(message.content):
        place = f"{where}.content[{i}]"
        if part.type != "text":
            raise InvalidRequest(
                f"No engine here reads {part.type!r} parts yet; send text.", param=f"{place}.type"
            )
        if part.text is None:
            raise InvalidRequest(f"'{place}.text' is required.", param=f"{place}.text")
        texts.append(part.text)
    return "".join(texts)
