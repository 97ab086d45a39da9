"""What Anthropic's messages make of turns and deltas: calls, results, thinking, failures."""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec
import pytest

from hearth.engines.protocol import Delta, FinishReason, More, Reasoning, ToolCallDelta, Usage
from hearth.errors import EngineFailed, InvalidRequest
from hearth.gateway.answers import AnswerHead, ChoiceText, Ending
from hearth.gateway.messages.answer import MessageAnswer
from hearth.gateway.messages.request import generate_request
from hearth.gateway.messages.types import MessagesRequest

HEAD = AnswerHead(
    request_id="00000000-0000-4000-8000-0000000000ab", created=1, model="m", fingerprint=None
)
ENDING = Ending(Usage(10, 2, 7, 0.0, 0.0, 0.0), None)
HELLO = [{"role": "user", "content": "Hello?"}]

Json = dict[str, Any]

DELTAS = [
    Delta(1, 0, "", 1, more=More(reasoning="Hm, ")),
    Delta(1, 0, "", 1, more=More(reasoning="well.")),
    Delta(1, 0, "Let me ", 1),
    Delta(1, 0, "see.", 1),
    Delta(1, 0, "", 1, more=More(tool_calls=[ToolCallDelta(0, "call_1", "weather", '{"city"')])),
    Delta(1, 0, "", 1, more=More(tool_calls=[ToolCallDelta(0, "", "", ':"Ulm"}')])),
    Delta(1, 0, "", 1, more=More(tool_calls=[ToolCallDelta(1, "call_2", "clock", "")])),
]


def asked(**fields: Any) -> Any:
    body = msgspec.convert({"model": "m", "messages": HELLO} | fields, type=MessagesRequest)
    return generate_request(body, group="acme", may_emulate=True)


def whole(deltas: list[Delta], reason: FinishReason) -> Json:
    choice = ChoiceText()
    for delta in [*deltas, Delta(1, 0, "", 0, reason)]:
        choice.take(delta)
    return cast(Json, json.loads(MessageAnswer(HEAD).whole([choice], ENDING)))


def streamed(deltas: list[Delta], reason: FinishReason) -> list[Json]:
    answer = MessageAnswer(HEAD)
    frames = b"".join(answer.events(delta) for delta in deltas)
    frames += answer.last_events(Delta(1, 0, "", 0, reason), ENDING)
    return [json.loads(frame.split("data: ")[1]) for frame in frames.decode().split("\n\n")[:-1]]


def test_thinking_text_and_calls_are_blocks() -> None:
    message = whole(DELTAS, "tool_calls")

    thinking, text, weather, clock = message["content"]
    assert (thinking["type"], thinking["thinking"]) == ("thinking", "Hm, well.")
    assert thinking["signature"]
    assert text == {"type": "text", "text": "Let me see."}
    assert weather == {
        "type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Ulm"},
    }  # fmt: skip
    assert (clock["name"], clock["input"]) == ("clock", {})
    assert message["stop_reason"] == "tool_use"
    assert message["usage"]["input_tokens"] == 8
    assert message["usage"]["cache_read_input_tokens"] == 2


def test_streamed_blocks_put_together_are_those_of_the_whole_message() -> None:
    blocks: list[Json] = []
    for event in streamed(DELTAS, "tool_calls"):
        if event["type"] == "content_block_start":
            assert event["index"] == len(blocks)
            blocks.append(event["content_block"] | {"json": ""})
        elif event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            kind = delta.pop("type")
            (piece,) = delta.values()
            name = {"input_json_delta": "json"}.get(kind, kind.removesuffix("_delta"))
            block[name] += piece

    for block in blocks:
        arguments = block.pop("json")
        if arguments:
            block["input"] = json.loads(arguments)
    assert blocks == whole(DELTAS, "tool_calls")["content"]


def test_every_block_is_closed_before_the_next_begins() -> None:
    open_blocks: list[int] = []
    for event in streamed(DELTAS, "tool_calls"):
        if event["type"] == "content_block_start":
            assert open_blocks == []
            open_blocks.append(event["index"])
        elif event["type"] == "content_block_stop":
            assert open_blocks.pop() == event["index"]
    assert open_blocks == []


def test_a_call_cut_by_length_has_no_arguments() -> None:
    message = whole(DELTAS[4:5], "length")

    assert message["content"][0]["input"] == {}
    assert message["stop_reason"] == "max_tokens"


def test_a_failure_midway_is_an_error_event() -> None:
    frame = MessageAnswer(HEAD).failure(EngineFailed("It broke.")).decode()

    assert frame.startswith("event: error\ndata: ")
    error = json.loads(frame.split("data: ")[1])["error"]
    assert error == {"type": "api_error", "message": "It broke."}


def test_turns_become_what_templates_know() -> None:
    turns = [
        *HELLO,
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "x"},
                {"type": "redacted_thinking", "data": "x"},
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Ulm"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "Sun."},
                {"type": "text", "text": "Well?"},
            ],
        },
        {"role": "user", "content": "Hurry."},
    ]

    system, user, called, result, again = asked(system="Be brief.", messages=turns).messages

    assert (system.role, system.content) == ("system", "Be brief.")
    assert (user.role, user.content) == ("user", "Hello?")
    assert (called.content, called.reasoning) == ("Let me see.", "Hm.")
    (call,) = called.tool_calls
    assert (call.id, call.name, call.arguments) == ("call_1", "weather", '{"city":"Ulm"}')
    assert (result.role, result.content, result.name) == ("tool", "Sun.", "weather")
    assert result.tool_call_id == "call_1"
    assert (again.role, again.content) == ("user", "Well?\nHurry.")


def test_a_tool_that_failed_is_told_in_words() -> None:
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": "No.", "is_error": True}
    turns = [
        *HELLO,
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]

    assert asked(messages=turns).messages[-1].content == "Error: No."


TOOLS = [{"name": "f", "description": "F.", "input_schema": {"type": "object"}}]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ("auto", None, True)),
        ({"type": "auto"}, ("auto", None, True)),
        ({"type": "none"}, ("none", None, True)),
        ({"type": "any"}, ("required", None, True)),
        ({"type": "tool", "name": "f"}, ("required", "f", True)),
        ({"type": "any", "disable_parallel_tool_use": True}, ("required", None, False)),
    ],
)
def test_tool_choices_mean_the_same_here(choice: Any, expected: tuple[Any, ...]) -> None:
    use = asked(tools=TOOLS, tool_choice=choice).tool_use

    assert (use.choice, use.name, use.parallel) == expected
    assert (use.tools[0].name, use.tools[0].parameters) == ("f", {"type": "object"})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}}, Reasoning(enabled=False)),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 3000},
            Reasoning(enabled=True, budget_tokens=2000, may_emulate=True),
        ),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            Reasoning(effort="high", may_emulate=True),
        ),
    ],
)
def test_thinking_is_asked_for_as_it_was(fields: Json, expected: Reasoning | None) -> None:
    assert asked(**fields).reasoning == expected


def test_a_format_holds_the_text_to_its_schema() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}

    constraint = asked(
        output_config={"format": {"type": "json_schema", "schema": schema}}
    ).constraint

    assert constraint.kind == "json_schema"
    assert json.loads(constraint.text) == schema


def test_a_document_in_a_result_is_refused_with_its_place() -> None:
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "image"}]}
    turns = [
        *HELLO,
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]

    with pytest.raises(InvalidRequest) as refused:
        asked(messages=turns)

    assert refused.value.param == "messages[2].content[0].content[0].type"
