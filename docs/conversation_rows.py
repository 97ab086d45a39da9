"""The rows of responses and messages; `inference` puts each before the engines."""

from __future__ import annotations

from docs.inference import Json, Read, Row, Section, text_engines
from hearth.gateway.decode import BodyDecoder
from hearth.gateway.messages import create
from hearth.gateway.messages import request as messages
from hearth.gateway.messages.types import MessagesRequest
from hearth.gateway.responses import request as responses
from hearth.gateway.responses.conversation import Conversation
from hearth.gateway.responses.create import FIELD_NAMES
from hearth.gateway.responses.types import Item, ResponsesRequest

_SCHEMA: Json = {"type": "object", "properties": {"a": {"type": "integer"}}}
_FUNCTION: Json = {"type": "function", "name": "f", "parameters": _SCHEMA}
_ASK: Json = {"role": "user", "content": "Hi"}
_CALL: Json = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
_RESULT: Json = {"type": "function_call_output", "call_id": "c", "output": "1"}
_TOOL: Json = {"name": "f", "input_schema": _SCHEMA}
_USED: Json = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
_TOLD: Json = {"type": "tool_result", "tool_use_id": "c", "content": "1"}

_responses = BodyDecoder(ResponsesRequest, is_strict=False)
_messages = BodyDecoder(MessagesRequest, is_strict=False)


def read_response(body: bytes) -> Read:
    """The body of a response; what it continues is not looked up."""
    request, ignored = _responses.decode(body)
    conversation = Conversation()
    given = request.input
    conversation.add(
        [Item(role="user", content=given)] if isinstance(given, str) else given, "input"
    )
    worker_request = responses.generate_request(
        request, conversation.messages(), group="account", may_emulate=True
    )
    return Read(worker_request, ignored, dict(FIELD_NAMES))


def read_message(body: bytes) -> Read:
    """The body of a message."""
    request, ignored = _messages.decode(body)
    worker_request = messages.generate_request(request, group="account", may_emulate=True)
    return Read(worker_request, ignored, dict(create.FIELD_NAMES))


def _user(**block: object) -> Json:
    return {"messages": [{"role": "user", "content": [block]}]}


RESPONSES = Section(
    "/responses",
    {"model": "m", "input": "Hi"},
    read_response,
    [
        Row("`input` items", {"input": [_ASK]}, "messages with text parts, thoughts, references"),
        Row("`input` images and files",
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "no engine sees yet"),
        Row("`function_call`, `function_call_output`", {"input": [_ASK, _CALL, _RESULT]},
            "also as `tool_call` and `tool_output`"),
        Row("`instructions`", {"instructions": "x"}, "a system message; never carried over"),
        Row("`previous_response_id`", {"previous_response_id": "resp_x"},
            "goes on from a kept response of the same account"),
        Row("`store`", {"store": False}, "true: kept for 30 days; false: the id is null"),
        Row("`stream`", {"stream": True}, "numbered events"),
        Row("`max_output_tokens`", {"max_output_tokens": 5}, "then the status is incomplete"),
        Row("`temperature`", {"temperature": 0.5}, "0 to 2; left out: the model's own"),
        Row("`top_p`", {"top_p": 0.5}, "0 to 1"),
        Row("`seed`", {"seed": 1}, "an extension"),
        Row("`tools` of type function", {"tools": [_FUNCTION]}, "flat, or with `function`"),
        Row("`tools` of type mcp, sse, python", {"tools": [{"type": "mcp"}]},
            "no tool is run here"),
        Row("`tool_choice`", {"tools": [_FUNCTION], "tool_choice": "required"},
            "auto, none, required, any, or a function"),
        Row("`parallel_tool_calls`", {"tools": [_FUNCTION], "parallel_tool_calls": False},
            "false: one call at most"),
        Row("`max_tool_calls`", {"max_tool_calls": 1}, "bounds tools that a server runs"),
        Row("`text.format`",
            {"text": {"format": {"type": "json_schema", "name": "x", "schema": _SCHEMA}}},
            "text, json_object, json_schema"),
        Row("`reasoning`", {"reasoning": {"effort": "low"}}, "thinking becomes an item of its own"),
        Row("`truncation`", {"truncation": "auto"}, "auto drops the oldest turns to fit"),
        Row("`metadata`", {"metadata": {"a": "b"}}, "up to 16; told back"),
        Row("`user`", {"user": "u"}, "the same value, the same replica"),
        Row("`prompt_cache_key`", {"prompt_cache_key": "k"}, "the same value, the same replica"),
        Row("`background`", {"background": True}, "answers do not outlive their call"),
        Row("`include`", {"include": ["x"]}, "accepted; nothing of it exists here"),
        Row("`service_tier`", {"service_tier": "auto"}, "accepted; there is one tier"),
        Row("`safety_identifier`", {"safety_identifier": "x"}, "accepted; nothing is screened"),
    ],
    text_engines,
)  # fmt: skip

MESSAGES = Section(
    "/messages",
    {"model": "m", "messages": [_ASK]},
    read_message,
    [
        Row("`messages` text", _user(type="text", text="x"), "texts of a turn are lines"),
        Row("`messages` image and document", _user(type="image"), "no engine sees yet"),
        Row("`tool_use` and `tool_result`",
            {"messages": [_ASK, {"role": "assistant", "content": [_USED]},
                          {"role": "user", "content": [_TOLD]}]},
            "a failed result begins with Error"),
        Row("`messages` that end with the assistant",
            {"messages": [_ASK, {"role": "assistant", "content": "I"}]},
            "no engine goes on from the assistant's words"),
        Row("`system`", {"system": "x"}, "text or text blocks"),
        Row("`max_tokens`", {"max_tokens": 5}, "may be left out"),
        Row("`stream`", {"stream": True}, "Anthropic's events"),
        Row("`temperature`", {"temperature": 0.5}, "0 to 1"),
        Row("`top_p`", {"top_p": 0.5}, "0 to 1"),
        Row("`top_k`", {"top_k": 5}, "0 or more"),
        Row("`seed`", {"seed": 1}, "an extension"),
        Row("`stop_sequences`", {"stop_sequences": ["x"]},
            "up to 64; the answer names the one met, but from an upstream"),
        Row("`tools`", {"tools": [_TOOL]}, "functions with an `input_schema`"),
        Row("`tools` of other types", {"tools": [{"type": "bash_20250124", "name": "bash"}]},
            "no tool is run here"),
        Row("`tool_choice`", {"tools": [_TOOL], "tool_choice": {"type": "any"}},
            "auto, any, tool, none; `disable_parallel_tool_use`"),
        Row("`thinking`", {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            "enabled with a budget, disabled, adaptive; the signature is a checksum"),
        Row("`output_config`", {"output_config": {"format": {"type": "json_schema",
            "schema": _SCHEMA}}}, "`format` with a schema; `effort`"),
        Row("`metadata`", {"metadata": {"user_id": "u"}}, "the same user, the same replica"),
        Row("`service_tier`", {"service_tier": "auto"}, "accepted; there is one tier"),
    ],
    text_engines,
)  # fmt: skip
