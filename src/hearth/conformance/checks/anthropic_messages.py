"""The Anthropic-compatible route."""

from __future__ import annotations

from hearth.conformance.server import Body, Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect, has


def _body(server: Server) -> Body:
    messages = [{"role": "user", "content": "Say hello."}]
    return {"model": server.subjects.chat, "max_tokens": 24, "messages": messages}


def _answers(server: Server) -> None:
    body = server.ask("/messages", _body(server))
    has(body, "id", "type", "role", "content", "model", "stop_reason", "usage")
    expect(body["type"] == "message", f"type is {body['type']!r}.")
    expect(body["content"][0]["type"] == "text", f"The first block: {body['content'][0]}.")
    has(body["usage"], "input_tokens", "output_tokens")


def _streamed(server: Server) -> None:
    events = server.stream("/messages", _body(server)).events
    kinds = [event.json["type"] for event in events if event.json["type"] != "ping"]
    expect(kinds[0] == "message_start", f"It begins {kinds[0]}.")
    expect(kinds[-2:] == ["message_delta", "message_stop"], f"It ends {kinds[-2:]}.")
    expect("content_block_delta" in kinds, "No text came.")
    expect(all(event.name == event.json["type"] for event in events), "An event is misnamed.")


def _tool(server: Server) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Oslo"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    tool = {"name": "get_weather", "input_schema": schema}
    choice = {"type": "tool", "name": "get_weather"}
    body = _body(server) | {"max_tokens": 96, "tools": [tool], "tool_choice": choice}
    answer = server.ask("/messages", body)
    expect(answer["stop_reason"] == "tool_use", f"stop_reason is {answer['stop_reason']!r}.")
    block = answer["content"][-1]
    expect(block["type"] == "tool_use" and block["input"] == {"city": "Oslo"}, f"Not: {block}.")


def _error(server: Server) -> None:
    answer = server.send("POST", "/messages", _body(server) | {"model": "no-such-model"})
    expect(answer.status == 404, f"HTTP {answer.status}, not 404.")
    expect(answer.json["type"] == "error", "The body is not an Anthropic error.")
    has(answer.json["error"], "type", "message")


CHECKS = [
    Check("messages", "an answer has content blocks, stop reason and usage", _answers),
    Check("messages", "a stream runs from message_start to message_stop", _streamed),
    Check("messages", "a forced tool is used", _tool),
    Check("messages", "errors come in Anthropic's shape", _error),
]
