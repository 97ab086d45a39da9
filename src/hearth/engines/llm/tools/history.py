"""Earlier calls, brought into the shape that the templates of some families insist on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from hearth.engines.protocol import Message


def with_short_ids(messages: Sequence[Message]) -> list[Message]:
    """Give the calls ids of nine letters and digits: Mistral's templates refuse all others."""
    return [
        replace(
            message,
            tool_calls=[replace(call, id=_short(call.id)) for call in message.tool_calls],
            tool_call_id=None if message.tool_call_id is None else _short(message.tool_call_id),
        )
        for message in messages
    ]


def one_call_a_turn(messages: Sequence[Message]) -> list[Message]:
    """Split turns of several calls, each with its result: Llama's templates refuse more."""
    told: list[Message] = []
    waiting = list(messages)
    while waiting:
        message = waiting.pop(0)
        if len(message.tool_calls) < 2:
            told.append(message)
            continue
        results = []
        while waiting and waiting[0].role == "tool":
            results.append(waiting.pop(0))
        told += _split(message, results)
    return told


def _split(message: Message, results: list[Message]) -> Iterator[Message]:
    """Results without an id answer the calls in their order."""
    content = message.content
    for place, call in enumerate(message.tool_calls):
        yield replace(message, content=content, tool_calls=[call])
        content = ""
        own = [each for each in results if each.tool_call_id == call.id]
        unnamed = [each for each in results if each.tool_call_id is None]
        own = own or unnamed[:1]
        if place == len(message.tool_calls) - 1:
            own = list(results)
        for result in own:
            results.remove(result)
            yield result


def _short(call_id: str) -> str:
    if len(call_id) == 9 and call_id.isascii() and call_id.isalnum():
        return call_id
    return base64.b32encode(hashlib.sha256(call_id.encode()).digest()).decode("ascii")[:9]
