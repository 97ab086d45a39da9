"""Tools, formats, reasoning and log-probabilities: how upstreams are asked, what they answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hearth.engines.protocol import (
    Constraint,
    GenerateRequest,
    Message,
    Reasoning,
    Tool,
    ToolCall,
    ToolUse,
)
from tests.engines.remote.driven import driven
from tests.engines.remote.recorded import (
    OPENAI_CHAT,
    OPENAI_COMPLETION,
    Recorded,
    openai_chunk,
    play,
    usage_chunk,
    vllm_chunk,
)
from tests.engines.worker_process import ask

GPT = "gpt-4o-mini"
SCHEMA = {"type": "object", "properties": {"ä": {"type": "integer"}}}
WEATHER = Tool("weather", "Tells the weather.", SCHEMA)


def chat(**fields: Any) -> GenerateRequest:
    values: dict[str, Any] = {"messages": [Message("user", "Hi")], "seed": 7}
    return GenerateRequest(**(values | fields))


async def test_tools_and_a_named_choice_are_asked_in_the_chat_api(openai: Recorded) -> None:
    use = ToolUse(tools=[WEATHER, Tool("stop")], choice="required", name="stop", parallel=False)
    async with driven(openai.url, GPT) as engine:
        await engine.run(chat(tool_use=use))

    body = openai.asked[-1].body
    assert body["tools"][0]["function"] == {
        "name": "weather", "description": "Tells the weather.", "parameters": SCHEMA,
    }  # fmt: skip
    assert body["tools"][1]["function"]["parameters"]["type"] == "object"
    assert body["tool_choice"] == {"type": "function", "function": {"name": "stop"}}
    assert body["parallel_tool_calls"] is False


async def test_a_history_of_calls_is_told_as_the_chat_api_has_it(openai: Recorded) -> None:
    messages = [
        Message("user", "Weather?"),
        Message("assistant", "", reasoning="Look.", tool_calls=[ToolCall("c1", "weather", "{}")]),
        Message("tool", "Snow.", tool_call_id="c1"),
    ]
    async with driven(openai.url, GPT) as engine:
        await engine.run(chat(messages=messages))

    _, called, result = openai.asked[-1].body["messages"]
    assert called == {
        "role": "assistant", "content": None, "reasoning_content": "Look.",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
        ],
    }  # fmt: skip
    assert result == {"role": "tool", "content": "Snow.", "tool_call_id": "c1"}


async def test_a_streamed_call_comes_piece_by_piece_and_ends_as_one(openai: Recorded) -> None:
    pieces = [
        {"index": 0, "id": "c1", "type": "function",
         "function": {"name": "weather", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"ä":'}},
        {"index": 0, "function": {"arguments": "1}"}},
    ]  # fmt: skip
    async with driven(openai.url, GPT) as engine:
        openai.generating = play([
            *(openai_chunk({"tool_calls": [piece]}) for piece in pieces),
            openai_chunk({}, "stop"), usage_chunk(9, 5), "[DONE]",
        ])  # fmt: skip
        reply = await engine.run(chat(tool_use=ToolUse(tools=[WEATHER], choice="required")))

    calls = [call for delta in reply.deltas if delta.more for call in delta.more.tool_calls]
    assert (calls[0].id, calls[0].name) == ("c1", "weather")
    assert "".join(call.arguments for call in calls) == '{"ä":1}'
    assert reply.finish() == "tool_calls"


async def test_thinking_is_told_apart_from_the_text_and_counted(vllm: Recorded) -> None:
    usage = usage_chunk(11, 6)
    usage["usage"]["completion_tokens_details"] = {"reasoning_tokens": 4}
    vllm.generating = play([
        vllm_chunk(0, {"reasoning": "It snows"}, 3),
        vllm_chunk(0, {"reasoning_content": "."}, 4),
        vllm_chunk(0, {"content": "Snow."}, 6, "stop"), usage, "[DONE]",
    ])  # fmt: skip
    async with driven(vllm.url) as engine:
        reply = await engine.run(chat(reasoning=Reasoning(enabled=True, effort="low")))

    assert "".join(d.more.reasoning for d in reply.deltas if d.more) == "It snows."
    assert reply.text() == "Snow."
    assert reply.usage is not None
    assert reply.usage.reasoning_tokens == 4
    assert vllm.asked[0].body["reasoning_effort"] == "low"
    assert vllm.asked[0].body["chat_template_kwargs"]["enable_thinking"] is True


async def test_chat_logprobs_keep_bytes_and_alternatives(openai: Recorded) -> None:
    scored = {"token": "Sn", "logprob": -0.5, "bytes": [83, 110],
              "top_logprobs": [{"token": "Ra", "logprob": -1.5, "bytes": [82, 97]}]}  # fmt: skip
    chunk = openai_chunk({"content": "Sn"})
    chunk["choices"][0]["logprobs"] = {"content": [scored]}
    async with driven(openai.url, GPT) as engine:
        openai.generating = play([chunk, openai_chunk({}, "stop"), usage_chunk(9, 1), "[DONE]"])
        reply = await engine.run(chat(logprobs=1))

    assert openai.asked[-1].body["top_logprobs"] == 1
    assert reply.deltas[0].more is not None
    (token,) = reply.deltas[0].more.logprobs
    assert (token.data, token.logprob) == (b"Sn", -0.5)
    assert (token.top[0].data, token.top[0].logprob) == (b"Ra", -1.5)


async def test_completion_logprobs_come_in_lists(openai: Recorded) -> None:
    first = json.loads(json.dumps(OPENAI_COMPLETION[0]))
    first["choices"][0]["logprobs"] = {
        "tokens": [" there"], "token_logprobs": [-0.25], "top_logprobs": [{" you": -2.0}],
        "text_offset": [0],
    }  # fmt: skip
    async with driven(openai.url, GPT) as engine:
        openai.generating = play([first, *OPENAI_COMPLETION[1:]])
        reply = await engine.run(ask(prompt="Hello", max_tokens=1, logprobs=1))

    assert openai.asked[-1].body["logprobs"] == 1
    assert reply.deltas[0].more is not None
    (token,) = reply.deltas[0].more.logprobs
    assert (token.data, token.logprob, token.top[0].data) == (b" there", -0.25, b" you")


@pytest.mark.parametrize(
    ("constraint", "field", "value"),
    [
        (Constraint("json_object"), "response_format", {"type": "json_object"}),
        (Constraint("json_schema", json.dumps(SCHEMA)), "response_format", {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        }),
        (Constraint("regex", "[a-z]+"), "structured_outputs", {"regex": "[a-z]+"}),
    ],
)  # fmt: skip
async def test_a_constraint_is_put_in_the_words_of_vllm(
    vllm: Recorded, constraint: Constraint, field: str, value: object
) -> None:
    async with driven(vllm.url) as engine:
        await engine.run(chat(constraint=constraint))

    assert vllm.asked[0].body[field] == value


async def test_accounts_do_not_share_what_vllm_has_cached(vllm: Recorded) -> None:
    async with driven(vllm.url) as engine:
        await engine.run(chat(cache_group="acme/blue"))

    assert vllm.asked[0].body["cache_salt"] == "acme/blue"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"constraint": Constraint("regex", "a", "response_format.regex")},
         "response_format.regex"),
        ({"reasoning": Reasoning(enabled=True, budget_tokens=100)}, "reasoning_effort"),
        ({"reasoning": Reasoning(enabled=True, effort="max")}, "reasoning_effort"),
        ({"reasoning": Reasoning(history="preserved")}, "reasoning_history"),
        ({"safe_tokenization": True}, "safe_tokenization"),
        ({"return_token_ids": True}, "return_token_ids"),
        ({"return_prompt": True, "return_token_ids": True}, "raw_output"),
        ({"echo_tokens": -1}, "echo"),
        ({"echo_tokens": 2}, "echo_last"),
        ({"use_cache": False}, "prompt_cache_max_len"),
    ],
)  # fmt: skip
async def test_what_a_plain_openai_server_cannot_do_is_refused_by_name(
    openai: Recorded, fields: dict[str, Any], param: str
) -> None:
    openai.generating = play(OPENAI_CHAT)
    async with driven(openai.url, GPT) as engine:
        asked = len(openai.asked)
        reply = await engine.run(chat(**fields))

    assert reply.failure is not None
    assert (reply.failure.kind, reply.failure.param) == ("invalid", param)
    assert len(openai.asked) == asked
