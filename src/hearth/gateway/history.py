"""The messages of a chat as templates take them: calls, their results and thinking included."""

from __future__ import annotations

import msgspec

from hearth.engines.protocol import Message, ToolCall
from hearth.errors import InvalidRequest
from hearth.gateway.tool_types import CalledFunction
from hearth.gateway.types import ChatMessage, ContentPart

_ROLES = {"developer": "system", "function": "tool"}
"Roles of the API that templates know under another name."


def read_message(index: int, message: ChatMessage) -> Message:
    """A message as chat templates take it.

    Raises:
        InvalidRequest: it holds what no engine here can read, or what its role cannot have.
    """
    role, text = message.role, message.content
    if not isinstance(text, str):
        text = _text(f"messages[{index}]", message)
    called = message.tool_calls or message.function_call or message.tool_call_id
    if called or message.reasoning_content:
        _check_role(f"messages[{index}]", message)
    elif role in ("user", "system"):  # nearly all
        return Message(role, text, message.name)
    return Message(
        _ROLES.get(role, role),
        text,
        message.name,
        reasoning=message.reasoning_content or "",
        tool_calls=_calls(message),
        tool_call_id=message.tool_call_id,
    )


def _check_role(where: str, message: ChatMessage) -> None:
    """Refuse what would be dropped: fields that only the assistant or a tool can have."""
    has = {
        "tool_calls": "assistant", "function_call": "assistant", "reasoning_content": "assistant",
        "tool_call_id": "tool",
    }  # fmt: skip
    for name, role in has.items():
        if getattr(message, name) and message.role != role:
            raise InvalidRequest(
                f"A message of role {message.role!r} has no '{name}'.", param=f"{where}.{name}"
            )


def _calls(message: ChatMessage) -> list[ToolCall]:
    if message.function_call is not None:
        return [_call("", message.function_call)]
    return [_call(call.id or "", call.function) for call in message.tool_calls or ()]


def _call(call_id: str, called: CalledFunction) -> ToolCall:
    arguments = called.arguments
    if not isinstance(arguments, str):
        arguments = msgspec.json.encode(arguments or {}).decode()
    return ToolCall(call_id, called.name, arguments)


def _text(where: str, message: ChatMessage) -> str:
    assert not isinstance(message.content, str)
    if message.content is None:
        if message.role == "assistant":
            return ""
        raise InvalidRequest(f"'{where}.content' is required.", param=f"{where}.content")
    return read_text(f"{where}.content", message.content)


def read_text(where: str, parts: list[ContentPart]) -> str:
    """The text of content parts.

    Args:
        where: they stand in the request.

    Raises:
        InvalidRequest: one is not text.
    """
    texts = []
    for i, part in enumerate(parts):
        place = f"{where}[{i}]"
        if part.type != "text":
            raise InvalidRequest(
                f"No engine here reads {part.type!r} parts yet; send text.", param=f"{place}.type"
            )
        if part.text is None:
            raise InvalidRequest(f"'{place}.text' is required.", param=f"{place}.text")
        texts.append(part.text)
    return "".join(texts)
