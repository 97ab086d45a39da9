"""How a response looks on the wire: whole, or as numbered events.

Each event is an `event:` and a `data:` line, as OpenAI sends them; the last one tells how it ended.
Thinking is an item of its own where the client asks for reasoning or for JSON; for others it stands
in the text between `<think>` and `</think>`, as Fireworks sends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import msgspec
from msgspec import Struct

from hearth.engines.protocol import Delta, FinishReason, More, ToolCallDelta, Usage
from hearth.errors import ApiError
from hearth.gateway.answers import AnswerHead, ChoiceText, Ending
from hearth.gateway.error_shapes import error_object
from hearth.gateway.inline_reasoning import InlineThinking
from hearth.gateway.responses.archive import NewResponse
from hearth.gateway.responses.output import Event, Output, Status
from hearth.gateway.responses.types import Item, ResponsesRequest, TextFormat, ToolParam

_encode = msgspec.json.Encoder().encode


class Keeper(Protocol):
    """Keeps responses."""

    async def keep(self, new: NewResponse) -> bool:
        """Write a response; return whether it is kept."""
        ...


class Keeping(Struct, frozen=True, kw_only=True):
    """Where and for whom an answer is kept."""

    keeper: Keeper
    account_id: str
    input: Sequence[Item]
    "What was new in the request."


class ResponseAnswer:
    """Answers of POST /responses.

    Args:
        head: what every body repeats.
        body: the request, whose settings an answer shows.
        keeping: None where the client asked that nothing be kept.
    """

    def __init__(self, head: AnswerHead, body: ResponsesRequest, keeping: Keeping | None) -> None:
        self._head = head
        self._body = body
        self._keeping = keeping
        mark = head.request_id.replace("-", "")
        self._id = f"resp_{mark}"
        shape = body.text.format.type if body.text and body.text.format else "text"
        is_inline = body.reasoning is None and shape == "text"
        self._inline = InlineThinking() if is_inline else None
        self._output = Output(mark)
        self._number = 0
        self._final: Event = {}
        "The response as it ended."
        self._final_kind = ""
        "Of the event that tells it; empty where there are no events."

    def events(self, delta: Delta) -> bytes:
        """See `Answer.events`."""
        if self._inline is not None:
            self._inline.fold(delta)
        events = [] if self._number else self._opening()
        return self._frames([*events, *self._output.take(delta)])

    def last_events(self, delta: Delta, ending: Ending) -> bytes:
        """See `Answer.last_events`."""
        status = _status(delta.finish_reason)
        before = self.events(delta) + self._frames(self._output.close(status))
        self._final = self._finished(status, ending.usage)
        self._final_kind = f"response.{status}"
        return before + self._final_bytes(self._take_number())

    def failure(self, error: ApiError) -> bytes:
        """See `Answer.failure`: as documented, then as an error that SDKs raise."""
        told = {"code": error.code, "message": error.message}
        response = self._response("failed") | {"error": told | {"type": "server_error"}}
        return self._frames([
            {"type": "response.failed", "response": response},
            {"type": "error", **told, "param": error.param, "error": error_object(error)},
        ])  # fmt: skip

    def whole(self, choices: list[ChoiceText], ending: Ending) -> bytes:
        """See `Answer.whole`."""
        (choice,) = choices
        delta = _delta(choice)
        if self._inline is not None:
            self._inline.fold(delta)
        self._output.take(delta)
        status = _status(choice.finish_reason)
        self._output.close(status)
        self._final = self._finished(status, ending.usage)
        return self._final_bytes()

    async def keep(self, rest: bytes) -> bytes:
        """Keep the response; return the rest of the answer, which tells whether it is kept.

        Args:
            rest: what is about to be sent; it ends with the response.
        """
        keeping = self._keeping
        if keeping is None:
            return rest
        new = NewResponse(
            account_id=keeping.account_id,
            id=self._id,
            previous_id=self._body.previous_response_id,
            input=keeping.input,
            body=_encode(self._final),
        )
        if await keeping.keeper.keep(new):
            return rest
        number = self._number - 1
        before = rest.removesuffix(self._final_bytes(number))
        self._final |= {"id": None, "store": False}
        return before + self._final_bytes(number)

    def _opening(self) -> list[Event]:
        response = self._response("in_progress")
        kinds = ("response.created", "response.in_progress")
        return [{"type": kind, "response": response} for kind in kinds]

    def _frames(self, events: list[Event]) -> bytes:
        return b"".join(_frame(event, self._take_number()) for event in events)

    def _take_number(self) -> int:
        self._number += 1
        return self._number - 1

    def _final_bytes(self, number: int = 0) -> bytes:
        if not self._final_kind:
            return _encode(self._final)
        return _frame({"type": self._final_kind, "response": self._final}, number)

    def _finished(self, status: Status, usage: Usage | None) -> Event:
        response = self._response(status)
        if status == "incomplete":
            response["incomplete_details"] = {"reason": "max_output_tokens"}
        return response | {
            "output": self._output.items,
            "usage": None if usage is None else _usage(usage),
        }

    def _response(self, status: str) -> Event:
        """The response before it has any output."""
        head = self._head
        fields: Event = {
            "id": None if self._keeping is None else self._id,
            "object": "response",
            "created_at": head.created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": head.model,
            "output": [],
            "usage": None,
            **_settings(self._body),
            "store": self._keeping is not None,
        }
        if head.fingerprint is not None:
            fields["system_fingerprint"] = head.fingerprint
        return fields


def _frame(event: Event, number: int) -> bytes:
    data = _encode(event | {"sequence_number": number})
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), data)


def _status(finish_reason: str | None) -> Status:
    return "incomplete" if finish_reason == "length" else "completed"


def _usage(usage: Usage) -> Event:
    """Token counts under the names of Fireworks and of OpenAI."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _settings(body: ResponsesRequest) -> dict[str, Any]:  # Any: a JSON object
    """What the request asked for, with the defaults of what it left out."""
    reasoning, text = body.reasoning, body.text
    form = text.format if text and text.format else None
    return {
        "instructions": body.instructions,
        "previous_response_id": body.previous_response_id,
        "max_output_tokens": body.max_output_tokens,
        "max_tool_calls": None,
        "metadata": body.metadata or {},
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "reasoning": {"effort": reasoning.effort if reasoning else None, "summary": None},
        "temperature": 1.0 if body.temperature is None else body.temperature,
        "top_p": 1.0 if body.top_p is None else body.top_p,
        "text": {"format": {"type": "text"} if form is None else _form(form)},
        "tool_choice": body.tool_choice or "auto",
        "tools": [_tool(tool) for tool in body.tools or []],
        "truncation": body.truncation or "disabled",
        "user": body.user,
        "service_tier": "default",
    }


def _form(form: TextFormat) -> Event:
    if form.type != "json_schema":
        return {"type": form.type}
    return {
        "type": form.type, "name": form.name or "", "schema": form.schema,
        "description": form.description, "strict": form.strict,
    }  # fmt: skip


def _tool(tool: ToolParam) -> Event:
    """A function as it was given, in the flat form."""
    given = tool.function or tool
    return {
        "type": tool.type, "name": given.name, "description": given.description,
        "parameters": given.parameters, "strict": given.strict,
    }  # fmt: skip


def _delta(choice: ChoiceText) -> Delta:
    """A whole choice as one delta."""
    calls = [
        ToolCallDelta(index, call.id, call.name, call.arguments)
        for index, call in enumerate(choice.tool_calls)
    ]
    more = More(reasoning=choice.reasoning, tool_calls=calls)
    reason = cast("FinishReason | None", choice.finish_reason)
    return Delta(0, 0, choice.text, 0, reason, more=more)
