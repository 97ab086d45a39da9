"""From Anthropic's turns and blocks to the turns that a chat template sees."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hearth.engines.protocol import Message, ToolCall
from hearth.errors import InvalidRequest
from hearth.gateway.messages.types import Block, Turn

_UNREAD = frozenset({"image", "document", "search_result"})


def messages_of(system: str | Sequence[Block] | None, turns: Sequence[Turn]) -> list[Message]:
    """Every message of a request; consecutive turns of the user are one, as the API says.

    Raises:
        InvalidRequest: a block is of a kind that no engine here can read, or belongs to nothing.
    """
    messages: list[Message] = []
    if system:
        messages.append(Message("system", _text(system, "system")))
    functions: dict[str, str] = {}
    for index, turn in enumerate(turns):
        place = f"messages[{index}]"
        if turn.role == "assistant":
            message = _assistant(turn.content, f"{place}.content")
            functions |= {call.id: call.name for call in message.tool_calls}
            messages.append(message)
        else:
            messages += _user(turn.content, f"{place}.content", functions)
    if turns[-1].role == "assistant":
        raise InvalidRequest(
            "The last turn must be the user's: no engine here goes on from the assistant's words.",
            param=f"messages[{len(turns) - 1}].role",
        )
    return _joined(messages)


def _assistant(content: str | Sequence[Block], place: str) -> Message:
    if isinstance(content, str):
        return Message("assistant", content)
    texts, thoughts, calls = [], [], []
    for index, block in enumerate(content):
        where = f"{place}[{index}]"
        if block.type == "thinking":
            thoughts.append(_required(block.thinking, f"{where}.thinking"))
        elif block.type == "tool_use":
            arguments = msgspec.json.encode(block.input or {}).decode()
            name = _required(block.name, f"{where}.name")
            calls.append(ToolCall(_required(block.id, f"{where}.id"), name, arguments))
        elif block.type != "redacted_thinking":  # written elsewhere, for other eyes
            texts.append(_block_text(block, where))
    return Message("assistant", "\n".join(texts), reasoning="\n".join(thoughts), tool_calls=calls)


def _user(content: str | Sequence[Block], place: str, functions: dict[str, str]) -> list[Message]:
    if isinstance(content, str):
        return [Message("user", content)]
    messages = []
    for index, block in enumerate(content):
        where = f"{place}[{index}]"
        if block.type == "tool_result":
            messages.append(_result(block, where, functions))
        else:
            messages.append(Message("user", _block_text(block, where)))
    return messages


def _result(block: Block, place: str, functions: dict[str, str]) -> Message:
    """What a tool answered; the model sees in words that it failed."""
    call_id = block.tool_use_id or ""
    name = functions.get(call_id)
    if name is None:
        raise InvalidRequest(
            f"No 'tool_use' before it has the id {call_id[:80]!r}.", param=f"{place}.tool_use_id"
        )
    text = _text(block.content or "", f"{place}.content")
    if block.is_error:
        text = f"Error: {text}"
    return Message("tool", text, name, tool_call_id=call_id)


def _joined(messages: Sequence[Message]) -> list[Message]:
    """The messages, with user texts in a row made one."""
    joined: list[Message] = []
    for message in messages:
        if joined and message.role == joined[-1].role == "user":
            joined[-1] = Message("user", f"{joined[-1].content}\n{message.content}")
        else:
            joined.append(message)
    return joined


def _text(content: str | Sequence[Block], place: str) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(_block_text(block, f"{place}[{i}]") for i, block in enumerate(content))


def _block_text(block: Block, place: str) -> str:
    if block.type in _UNREAD:
        raise InvalidRequest(
            f"No engine here reads {block.type!r} blocks yet; send text.", param=f"{place}.type"
        )
    if block.type != "text":
        raise InvalidRequest(
            f"A block of type {block.type[:40]!r} cannot stand here.", param=f"{place}.type"
        )
    return _required(block.text, f"{place}.text")


def _required(value: str | None, place: str) -> str:
    if value is None:
        raise InvalidRequest(f"'{place}' is required.", param=place)
    return value
