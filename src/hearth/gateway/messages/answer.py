"""How a message looks on the wire: whole, or as the events of Anthropic's streaming reference."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from hearth.engines.protocol import Delta, ToolCallDelta, Usage
from hearth.errors import ApiError
from hearth.gateway.answers import AnswerHead, ChoiceText, Ending
from hearth.gateway.error_shapes import Family, error_body

_encode = msgspec.json.Encoder().encode

Json = dict[str, Any]  # Any: a JSON object
Kind = Literal["", "text", "thinking", "tool_use"]

_STOP_REASONS = {"length": "max_tokens", "tool_calls": "tool_use"}


class MessageAnswer:
    """Answers of POST /messages."""

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        self._has_begun = False
        self._open: Kind = ""
        "What the block holds that is being written; empty if there is none."
        self._index = -1
        self._call_index = -1
        self._thoughts: list[str] = []

    def events(self, delta: Delta) -> bytes:
        """See `Answer.events`."""
        events = [] if self._has_begun else self._beginning(delta)
        more = delta.more
        if more is not None and more.reasoning:
            events += self._think(more.reasoning)
        if delta.text:
            events += self._begin("text", {"text": ""})
            events.append(self._block_delta("text_delta", text=delta.text))
        for call in more.tool_calls if more is not None else []:
            events += self._call(call)
        return _frames(events)

    def last_events(self, delta: Delta, ending: Ending) -> bytes:
        """See `Answer.last_events`."""
        before = self.events(delta)
        usage = ending.usage or Usage(0, 0, 0, 0.0, 0.0, 0.0)
        ends = _ends(delta.finish_reason, delta.more.stop if delta.more else "")
        return before + _frames([
            *self._end(),
            {"type": "message_delta", "delta": ends, "usage": _usage(usage)},
            {"type": "message_stop"},
        ])  # fmt: skip

    def failure(self, error: ApiError) -> bytes:
        """See `Answer.failure`."""
        body = error_body(error, self._head.request_id, Family.ANTHROPIC)
        return b"event: error\ndata: %b\n\n" % body

    def whole(self, choices: list[ChoiceText], ending: Ending) -> bytes:
        """See `Answer.whole`."""
        (choice,) = choices
        usage = ending.usage or Usage(0, 0, 0, 0.0, 0.0, 0.0)
        return _encode(self._message(usage) | {
            "content": _blocks(choice),
            **_ends(choice.finish_reason, choice.stop),
        })  # fmt: skip

    def _beginning(self, delta: Delta) -> list[Json]:
        self._has_begun = True
        prompt = delta.prompt
        usage = Usage(0, 0, 0, 0.0, 0.0, 0.0)
        if prompt is not None:
            usage = Usage(prompt.prompt_tokens, prompt.cached_tokens, 0, 0.0, 0.0, 0.0)
        return [{"type": "message_start", "message": self._message(usage)}, {"type": "ping"}]

    def _message(self, usage: Usage) -> Json:
        """The message before it has any content."""
        head = self._head
        message: Json = {
            "id": f"msg_{head.request_id.replace('-', '')}",
            "type": "message",
            "role": "assistant",
            "model": head.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage(usage),
        }
        if head.fingerprint is not None:
            message["system_fingerprint"] = head.fingerprint
        return message

    def _think(self, text: str) -> list[Json]:
        events = self._begin("thinking", {"thinking": "", "signature": ""})
        self._thoughts.append(text)
        return [*events, self._block_delta("thinking_delta", thinking=text)]

    def _call(self, call: ToolCallDelta) -> list[Json]:
        events: list[Json] = []
        if self._open != "tool_use" or call.index != self._call_index:
            events = self._end()
            self._call_index = call.index
            events += self._begin("tool_use", {"id": call.id, "name": call.name, "input": {}})
        if call.arguments:
            events.append(self._block_delta("input_json_delta", partial_json=call.arguments))
        return events

    def _begin(self, kind: Kind, fields: Json) -> list[Json]:
        """Begin a block, unless one of its kind is open."""
        if self._open == kind:
            return []
        events = self._end()
        self._index += 1
        self._open = kind
        block = {"type": kind} | fields
        start = {"type": "content_block_start", "index": self._index, "content_block": block}
        return [*events, start]

    def _end(self) -> list[Json]:
        """End the open block; a thought is signed first."""
        kind, self._open = self._open, ""
        if not kind:
            return []
        events = []
        if kind == "thinking":
            thoughts, self._thoughts = self._thoughts, []
            events = [self._block_delta("signature_delta", signature=_signature("".join(thoughts)))]
        return [*events, {"type": "content_block_stop", "index": self._index}]

    def _block_delta(self, kind: str, **fields: str) -> Json:
        delta = {"type": kind, **fields}
        return {"type": "content_block_delta", "index": self._index, "delta": delta}


def _frames(events: list[Json]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), _encode(event)) for event in events
    )


def _blocks(choice: ChoiceText) -> list[Json]:
    blocks: list[Json] = []
    if thinking := choice.reasoning:
        signature = _signature(thinking)
        blocks.append({"type": "thinking", "thinking": thinking, "signature": signature})
    if text := choice.text:
        blocks.append({"type": "text", "text": text})
    for call in choice.tool_calls:
        arguments = _arguments(call.arguments)
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments})
    return blocks


def _arguments(text: str) -> Json:
    """The arguments of a call; empty where `max_tokens` cut them, which the stop reason says."""
    try:
        return msgspec.json.decode(text, type=Json)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return {}


def _signature(thinking: str) -> str:
    """A checksum; clients pass it back with the thought, and nothing here depends on it."""
    return hashlib.sha256(thinking.encode()).hexdigest()


def _ends(finish_reason: str | None, stop: str) -> Json:
    """Why the message ended, and which stop sequence ended it if one did."""
    if finish_reason == "stop" and stop:
        return {"stop_reason": "stop_sequence", "stop_sequence": stop}
    reason = _STOP_REASONS.get(finish_reason or "", "end_turn")
    return {"stop_reason": reason, "stop_sequence": None}


def _usage(usage: Usage) -> Json:
    """Token counts; what came from a cache is not counted as input a second time."""
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    }
