"""From the items of a response to the turns that a chat template sees.

One turn of an assistant may be several items: a thought, a message and calls in a row become one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from hearth.engines.protocol import Message, ToolCall
from hearth.errors import InvalidRequest
from hearth.gateway.responses.types import Item, Part

_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
_CALLS = frozenset({"function_call", "tool_call", "function"})
_OUTPUTS = frozenset({"function_call_output", "tool_output"})


@dataclass(slots=True)
class _Turn:
    """What an assistant thought, said and called before anybody else spoke."""

    thoughts: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)

    @property
    def has_spoken(self) -> bool:
        return bool(self.texts or self.calls)

    def message(self) -> Message:
        return Message(
            "assistant",
            "".join(self.texts),
            reasoning="\n".join(self.thoughts),
            tool_calls=self.calls,
        )


class Conversation:
    """Takes items in order and gives the messages they mean."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._turn = _Turn()
        self._functions: dict[str, str] = {}
        "The function of each call, by the call's id."

    def add(self, items: Iterable[Item], where: str) -> None:
        """Add items that stand in a field of the request.

        Raises:
            InvalidRequest: an item holds what no engine here can read, or belongs to nothing.
        """
        for index, item in enumerate(items):
            self._add(item, f"{where}[{index}]")

    def messages(self) -> list[Message]:
        """Every turn so far."""
        self._end_turn()
        return self._messages

    def _add(self, item: Item, place: str) -> None:
        if item.type == "message":
            self._add_message(item, place)
        elif item.type in _CALLS:
            self._add_call(item, place)
        elif item.type in _OUTPUTS:
            self._add_output(item, place)
        elif item.type == "reasoning":
            self._add_thought(item, place)
        else:
            raise InvalidRequest(
                f"Items of type {item.type[:40]!r} are not supported.", param=f"{place}.type"
            )

    def _add_message(self, item: Item, place: str) -> None:
        if item.role is None:
            raise InvalidRequest(f"'{place}.role' is required.", param=f"{place}.role")
        text = _text(item.content, f"{place}.content")
        if item.role == "assistant":
            if self._turn.has_spoken:
                self._end_turn()
            self._turn.texts.append(text)
            return
        self._end_turn()
        role = "system" if item.role == "developer" else item.role
        self._messages.append(Message(role, text))

    def _add_call(self, item: Item, place: str) -> None:
        name, arguments = item.name, item.arguments
        if item.function is not None:
            name, arguments = name or item.function.name, arguments or item.function.arguments
        if not name:
            raise InvalidRequest(f"'{place}.name' is required.", param=f"{place}.name")
        call_id = item.call_id or item.id
        if not call_id:
            raise InvalidRequest(f"'{place}.call_id' is required.", param=f"{place}.call_id")
        self._functions[call_id] = name
        self._turn.calls.append(ToolCall(call_id, name, _json_text(arguments)))

    def _add_output(self, item: Item, place: str) -> None:
        self._end_turn()
        field_name = "call_id" if item.type == "function_call_output" else "tool_call_id"
        call_id = item.call_id or item.tool_call_id or ""
        name = self._functions.get(call_id)
        if name is None:
            raise InvalidRequest(
                f"No call before it has the id {call_id[:80]!r}.", param=f"{place}.{field_name}"
            )
        text = _text(item.output, f"{place}.output")
        self._messages.append(Message("tool", text, name, tool_call_id=call_id))

    def _add_thought(self, item: Item, place: str) -> None:
        if self._turn.has_spoken:
            self._end_turn()
        thought = item.content or item.summary
        if thought:
            self._turn.thoughts.append(_text(thought, f"{place}.content"))

    def _end_turn(self) -> None:
        """A thought that nothing followed, as in an answer that was cut, is no turn."""
        if self._turn.has_spoken:
            self._messages.append(self._turn.message())
        self._turn = _Turn()


def _json_text(arguments: str | dict[str, object] | None) -> str:
    """Arguments as the model wrote them; clients send them back as text or as an object."""
    if isinstance(arguments, str):
        return arguments or "{}"
    return msgspec.json.encode(arguments or {}).decode()


def _text(content: str | Sequence[Part] | None, place: str) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        raise InvalidRequest(f"'{place}' is required.", param=place)
    return "".join(_part_text(part, f"{place}[{i}]") for i, part in enumerate(content))


def _part_text(part: Part, place: str) -> str:
    if part.type == "refusal" and part.refusal is not None:
        return part.refusal
    if part.type not in _TEXTS:
        raise InvalidRequest(
            f"No engine here reads {part.type[:40]!r} parts yet; send text.", param=f"{place}.type"
        )
    if part.text is None:
        raise InvalidRequest(f"'{place}.text' is required.", param=f"{place}.text")
    return part.text
