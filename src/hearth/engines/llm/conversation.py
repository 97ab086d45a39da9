"""Messages and tools in the shape chat templates know: that of Hugging Face's chats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from hearth.engines.protocol import Message, Tool, ToolCall

Entry = dict[str, Any]
"Any: JSON values, as templates take them."


class Arguments(dict[str, Any]):  # Any: JSON values
    """A call's arguments; a template that writes them as they are writes JSON.

    Most templates want an object, for `tojson` or `items`; older ones add it to text.
    """

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False)

    def __add__(self, text: str) -> str:
        return str(self) + text

    def __radd__(self, text: str) -> str:
        return text + str(self)


def message_entries(messages: Sequence[Message], history: str | None) -> list[Entry]:
    """Return the messages as templates see them.

    Args:
        history: `Reasoning.history`; None leaves it to the template which thinking it shows.
    """
    users = [place for place, message in enumerate(messages) if message.role == "user"]
    shown_from = 0
    if history == "disabled":
        shown_from = len(messages)
    elif history == "interleaved" and users:
        shown_from = users[-1]
    return [
        _entry(message, shows_reasoning=place >= shown_from)
        for place, message in enumerate(messages)
    ]


def tool_entries(tools: Sequence[Tool]) -> list[Entry]:
    """Return the tools as templates see them."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters or {"type": "object", "properties": {}},
            },
        }
        for tool in tools
    ]


def size_of(value: object) -> int:
    """Return about how many characters it takes to write an entry."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(key) + size_of(part) for key, part in value.items())
    return sum(map(size_of, value)) if isinstance(value, list) else 1


def _entry(message: Message, *, shows_reasoning: bool) -> Entry:
    entry: Entry = {"role": message.role, "content": message.content}
    if message.name is not None:
        entry["name"] = message.name
    if message.reasoning and shows_reasoning:
        entry["reasoning_content"] = message.reasoning
    if message.tool_calls:
        entry["tool_calls"] = [_call_entry(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        entry["tool_call_id"] = message.tool_call_id
    return entry


def _call_entry(call: ToolCall) -> Entry:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": _arguments(call.arguments)},
    }


def _arguments(text: str) -> Arguments | str:
    """Return the object, or the text as it came where it is none."""
    try:
        value = msgspec.json.decode(text or "{}")
    except msgspec.DecodeError:
        return text
    return Arguments(value) if isinstance(value, dict) else text
