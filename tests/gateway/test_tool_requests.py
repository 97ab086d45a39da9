"""What of `tools`, `tool_choice` and a history of calls is refused, and where it stands."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.gateway.test_chat import ASK

Json = dict[str, Any]  # Any: a JSON object


def tool(name: object, **function: object) -> Json:
    return {"type": "function", "function": {"name": name} | function}


TOOLS = [tool("a"), tool("b")]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [tool("a"), tool("b c")]}, "tools[1].function.name"),
        ({"tools": [tool("x" * 65)]}, "tools[0].function.name"),
        ({"tools": [tool("a\n")]}, "tools[0].function.name"),
        ({"tools": [tool("")]}, "tools[0].function.name"),
        ({"tools": [tool("a"), tool("a")]}, "tools[1].function.name"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "mcp", "function": {"name": "a"}}]}, "tools[0].type"),
        ({"tools": [tool("a", parameters="{}")]}, "tools[0].function.parameters"),
        ({"tools": [tool("a", strict="yes")]}, "tools[0].function.strict"),
        ({"tools": "a"}, "tools"),
        ({"tools": TOOLS, "tool_choice": "c"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": 3}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "any"}}, "tool_choice.type"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "c"}}},
         "tool_choice.function.name"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "name": "c"}}, "tool_choice.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [], "tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice"),
        ({"tools": TOOLS, "functions": [{"name": "a"}]}, "functions"),
        ({"functions": [{"name": "a"}, {"name": "a"}]}, "functions[1].name"),
        ({"functions": [{"name": "a"}], "function_call": "all"}, "function_call"),
        ({"functions": [{"name": "a"}], "function_call": {"name": "b"}}, "function_call.name"),
        ({"tools": TOOLS, "parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({"safe_tokenization": True, "prompt_truncate_len": 9}, "safe_tokenization"),
        ({"service_tier": "gold"}, "service_tier"),
        ({"prediction": {"type": "content"}}, "prediction.content"),
        ({"prediction": {"type": "content", "content": [{"type": "image_url"}]}},
         "prediction.content[0].type"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_by_its_place(api: httpx.Client, fields: Json, param: str) -> None:
    response = api.post("/chat/completions", json=ASK | fields)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


CALL = {"id": "c1", "type": "function", "function": {"name": "a", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user", "content": "x", "tool_calls": [CALL]}, "messages[1].tool_calls"),
        ({"role": "user", "content": "x", "tool_call_id": "c1"}, "messages[1].tool_call_id"),
        ({"role": "system", "content": "x", "reasoning_content": "y"},
         "messages[1].reasoning_content"),
        ({"role": "tool", "content": None}, "messages[1].content"),
        ({"role": "assistant", "tool_calls": [{"id": "c1"}]},
         "messages[1].tool_calls[0].function"),
        ({"role": "assistant", "tool_calls": [{"function": {}}]},
         "messages[1].tool_calls[0].function.name"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": 3}}]},
         "messages[1].tool_calls[0].function.arguments"),
    ],
)  # fmt: skip
def test_a_message_that_cannot_be_is_named_by_its_place(
    api: httpx.Client, message: Json, param: str
) -> None:
    messages = [*ASK["messages"], message]

    response = api.post("/chat/completions", json=ASK | {"messages": messages})

    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


@pytest.mark.parametrize("field", ["tools", "functions"])
def test_completions_take_no_tools(api: httpx.Client, field: str) -> None:
    body = {"model": ASK["model"], "prompt": "x", field: [tool("a")]}

    response = api.post("/completions", json=body)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == field


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"prediction": "warm"}, "prediction"),
        ({"prediction": {"type": "content", "content": "warm"}}, "prediction"),
        ({"speculation": "warm"}, "prediction"),
        ({"speculation": [1, 2]}, "speculation"),
        ({"rewrite_speculation": True}, "rewrite_speculation"),
        ({"prompt_cache_max_len": 100, "zebra": 1}, "prompt_cache_max_len,zebra"),
    ],
    ids=str,
)
def test_a_hint_that_nothing_uses_is_named_in_the_header(
    api: httpx.Client, fields: Json, named: str
) -> None:
    response = api.post("/chat/completions", json=ASK | fields)

    assert response.status_code == 200
    assert response.headers["x-ignored-fields"] == named


def test_what_asks_for_nothing_is_not_named(api: httpx.Client) -> None:
    nothing = {
        "tools": [], "tool_choice": "auto", "parallel_tool_calls": True, "logprobs": False,
        "echo": False, "echo_last": 0, "raw_output": False, "return_token_ids": False,
        "service_tier": "default", "reasoning_effort": None, "prediction": None,
        "prompt_cache_max_len": 0, "prompt_cache_isolation_key": "blue",
    }  # fmt: skip

    response = api.post("/chat/completions", json=ASK | nothing)

    assert response.status_code == 200
    assert "x-ignored-fields" not in response.headers
    assert response.json()["choices"] == api.post("/chat/completions", json=ASK).json()["choices"]
