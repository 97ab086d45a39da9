"""The output of a response, as deltas build it: items, and the events that tell of them.

Order and fields of the events are those of OpenAI's streaming reference.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from hearth.engines.protocol import Delta, ToolCallDelta

Event = dict[str, Any]  # Any: a JSON object
Status = Literal["in_progress", "completed", "incomplete"]


class _OpenItem(Protocol):
    """An item that is being written."""

    def begin(self) -> list[Event]:
        """The events that open it."""
        ...

    def end(self, status: Status) -> list[Event]:
        """The events that close it."""
        ...

    def shown(self, status: Status) -> Event:
        """The item as it stands."""
        ...


class _TextItem:
    """A message or a thought: one part of text that grows."""

    def __init__(self, kind: Literal["message", "reasoning"], item_id: str, index: int) -> None:
        self.kind = kind
        self._id = item_id
        self._index = index
        self._pieces: list[str] = []

    def begin(self) -> list[Event]:
        """See `_OpenItem`."""
        item: Event = self.shown("in_progress") | {"content": []}
        return [
            {"type": "response.output_item.added", "output_index": self._index, "item": item},
            self._part_event("response.content_part.added", part=self._part("")),
        ]

    def add(self, text: str) -> Event:
        """Let the text grow."""
        self._pieces.append(text)
        return self._text_event("delta", delta=text)

    def end(self, status: Status) -> list[Event]:
        """See `_OpenItem`."""
        text = "".join(self._pieces)
        item = self.shown(status)
        return [
            self._text_event("done", text=text),
            self._part_event("response.content_part.done", part=self._part(text)),
            {"type": "response.output_item.done", "output_index": self._index, "item": item},
        ]

    def shown(self, status: Status) -> Event:
        """See `_OpenItem`."""
        item: Event = {"id": self._id, "type": self.kind, "status": status}
        if self.kind == "message":
            item["role"] = "assistant"
        else:
            item["summary"] = []
        return item | {"content": [self._part("".join(self._pieces))]}

    def _part(self, text: str) -> Event:
        if self.kind == "reasoning":
            return {"type": "reasoning_text", "text": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _part_event(self, kind: str, **fields: Any) -> Event:  # Any: parts of a JSON object
        place = {"item_id": self._id, "output_index": self._index, "content_index": 0}
        return {"type": kind} | place | fields

    def _text_event(self, what: str, **fields: str) -> Event:
        if self.kind == "reasoning":
            return self._part_event(f"response.reasoning_text.{what}", **fields)
        return self._part_event(f"response.output_text.{what}", **fields, logprobs=[])


class _CallItem:
    """A call of a function whose arguments grow."""

    def __init__(self, item_id: str, index: int, call: ToolCallDelta) -> None:
        self._id = item_id
        self._index = index
        self._call_id = call.id
        self._name = call.name
        self._pieces: list[str] = []

    def begin(self) -> list[Event]:
        """See `_OpenItem`."""
        item = self.shown("in_progress")
        return [{"type": "response.output_item.added", "output_index": self._index, "item": item}]

    def add(self, arguments: str) -> Event:
        """Let the arguments grow."""
        self._pieces.append(arguments)
        return self._event("delta", delta=arguments)

    def end(self, status: Status) -> list[Event]:
        """See `_OpenItem`."""
        item = self.shown(status)
        return [
            self._event("done", name=self._name, arguments="".join(self._pieces)),
            {"type": "response.output_item.done", "output_index": self._index, "item": item},
        ]

    def shown(self, status: Status) -> Event:
        """See `_OpenItem`; the names of Fireworks and of OpenAI stand side by side."""
        function = {"name": self._name, "arguments": "".join(self._pieces)}
        return {
            "id": self._id, "type": "function_call", "status": status, "call_id": self._call_id,
            **function, "function": function,
        }  # fmt: skip

    def _event(self, what: str, **fields: str) -> Event:
        kind = f"response.function_call_arguments.{what}"
        return {"type": kind, "item_id": self._id, "output_index": self._index, **fields}


class Output:
    """The items of one response.

    Args:
        mark: makes the ids of items its own; with it, an item is found again by its id alone.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._open: _OpenItem | None = None
        self._call_index = -1
        self.items: list[Event] = []
        "Those that are closed."

    def take(self, delta: Delta) -> list[Event]:
        """The events for a delta."""
        more = delta.more
        events: list[Event] = []
        if more is not None and more.reasoning:
            events += self._write("reasoning", more.reasoning)
        if delta.text:
            events += self._write("message", delta.text)
        for call in more.tool_calls if more is not None else []:
            events += self._call(call)
        return events

    def close(self, status: Status) -> list[Event]:
        """The events that close what is open; an answer has one item at least."""
        is_empty = self._open is None and not self.items
        events = self._begin(self._new_text("message")) if is_empty else []
        return events + self._end(status)

    def _write(self, kind: Literal["message", "reasoning"], text: str) -> list[Event]:
        events: list[Event] = []
        item = self._open
        if not isinstance(item, _TextItem) or item.kind != kind:
            item = self._new_text(kind)
            events = self._begin(item)
        return [*events, item.add(text)]

    def _call(self, call: ToolCallDelta) -> list[Event]:
        events: list[Event] = []
        item = self._open
        if not isinstance(item, _CallItem) or call.index != self._call_index:
            self._call_index = call.index
            item = _CallItem(f"fc_{self._mark}_{self._next_index}", self._next_index, call)
            events = self._begin(item)
        return [*events, item.add(call.arguments)] if call.arguments else events

    def _new_text(self, kind: Literal["message", "reasoning"]) -> _TextItem:
        prefix = "msg" if kind == "message" else "rs"
        index = self._next_index
        return _TextItem(kind, f"{prefix}_{self._mark}_{index}", index)

    @property
    def _next_index(self) -> int:
        return len(self.items) + (self._open is not None)

    def _begin(self, item: _OpenItem) -> list[Event]:
        events = self._end("completed")
        self._open = item
        return events + item.begin()

    def _end(self, status: Status) -> list[Event]:
        item, self._open = self._open, None
        if item is None:
            return []
        self.items.append(item.shown(status))
        return item.end(status)
