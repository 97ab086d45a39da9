"""Function calling."""

from __future__ import annotations

from typing import Any

import msgspec

from hearth.conformance.server import Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect, has

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
NAMED = {"type": "function", "function": {"name": "get_weather"}}


def _body(server: Server, **fields: Any) -> dict[str, Any]:  # Any: JSON
    asked = {"tools": [WEATHER], "tool_choice": NAMED, "max_tokens": 96, "temperature": 0}
    return server.chat("What is the weather in Oslo?", **(asked | fields))


def _check_call(call: Any) -> None:  # Any: JSON
    has(call, "id", "type", "function")
    expect(call["function"]["name"] == "get_weather", f"Another function: {call}.")
    arguments = msgspec.json.decode(call["function"]["arguments"])
    expect(arguments.get("city") in {"Oslo", "Rome"}, f"Against the schema: {arguments}.")


def _forced(choice: object, server: Server, **fields: Any) -> None:
    answer = server.ask("/chat/completions", _body(server, tool_choice=choice, **fields))[
        "choices"
    ][0]
    expect(answer["finish_reason"] == "tool_calls", f"It ended with {answer['finish_reason']!r}.")
    for call in answer["message"]["tool_calls"]:
        _check_call(call)


def _named(server: Server) -> None:
    _forced(NAMED, server)


def _required(server: Server) -> None:
    _forced("required", server, parallel_tool_calls=False)


def _streamed(server: Server) -> None:
    chunks = server.stream("/chat/completions", _body(server)).chunks()
    deltas = [d for c in chunks for d in c["choices"][0]["delta"].get("tool_calls") or []]
    expect(bool(deltas), "No call came.")
    has(deltas[0], "index", "id", "type", "function")
    arguments = "".join(d["function"].get("arguments") or "" for d in deltas if d["index"] == 0)
    first = deltas[0] | {"function": deltas[0]["function"] | {"arguments": arguments}}
    _check_call(first)
    expect(all("index" in delta for delta in deltas), "A piece of a call has no index.")
    expect(chunks[-1]["choices"][0]["finish_reason"] == "tool_calls", "It is not told to be one.")


def _auto(server: Server) -> None:
    message = server.ask("/chat/completions", _body(server, tool_choice="auto"))["choices"][0]
    has(message, "message", "finish_reason")


def _history(server: Server) -> None:
    call = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    messages = [
        {"role": "user", "content": "The weather in Oslo?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
    ]
    body = server.ask("/chat/completions", _body(server, messages=messages, tool_choice="auto"))
    has(body["choices"][0]["message"], "role")


def _legacy(server: Server) -> None:
    body = server.chat(functions=[WEATHER["function"]], function_call={"name": "get_weather"})
    choice = server.ask("/chat/completions", body | {"max_tokens": 96})["choices"][0]
    has(choice["message"].get("function_call"), "name", "arguments")


def _unknown(server: Server) -> None:
    other = {"type": "function", "function": {"name": "no_such_function"}}
    answer = server.send("POST", "/chat/completions", _body(server, tool_choice=other))
    expect(answer.status == 400, f"An unknown function in tool_choice gives {answer.status}.")


CHECKS = [
    Check("tools", "a named function is called, with valid arguments", _named),
    Check("tools", "required calls one", _required),
    Check("tools", "a streamed call: index, id and name first, arguments add up", _streamed),
    Check("tools", "auto answers", _auto),
    Check("tools", "calls and results in the history", _history),
    Check("tools", "legacy functions", _legacy),
    Check("tools", "a tool_choice that names no tool is a 400", _unknown),
]
