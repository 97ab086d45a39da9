"""What a worker is asked for a response: items as turns, tools, formats, reasoning."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from hearth.engines.protocol import GenerateRequest, Message, Reasoning
from hearth.gateway.responses.conversation import Conversation
from hearth.gateway.responses.request import generate_request
from hearth.gateway.responses.types import Item, ResponsesRequest

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}


def turns_of(items: list[dict[str, Any]]) -> list[Message]:
    conversation = Conversation()
    conversation.add(msgspec.convert(items, type=list[Item]), "input")
    return conversation.messages()


def asked(**fields: Any) -> GenerateRequest:
    body = msgspec.convert({"model": "m", "input": "Hello?"} | fields, type=ResponsesRequest)
    return generate_request(body, [Message("user", "Hello?")], group="acme", may_emulate=True)


CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'}


@pytest.mark.parametrize(
    "call",
    [
        CALL,
        CALL | {"id": "fc_1", "status": "completed"},
        CALL | {"arguments": {"a": 1}},
        {"type": "tool_call", "id": "c1", "function": {"name": "f", "arguments": '{"a": 1}'}},
    ],
)
@pytest.mark.parametrize(
    "output",
    [
        {"type": "function_call_output", "call_id": "c1", "output": "Sun."},
        {"type": "tool_output", "tool_call_id": "c1", "output": "Sun."},
        {
            "type": "function_call_output", "call_id": "c1",
            "output": [{"type": "input_text", "text": "Sun."}],
        },
    ],
)  # fmt: skip
def test_calls_and_outputs_are_read_in_every_shape(
    call: dict[str, Any], output: dict[str, Any]
) -> None:
    called, result = turns_of([call, output])

    (made,) = called.tool_calls
    assert (made.id, made.name, json.loads(made.arguments)) == ("c1", "f", {"a": 1})
    assert (result.role, result.content) == ("tool", "Sun.")
    assert (result.tool_call_id, result.name) == ("c1", "f")


def test_a_thought_a_message_and_calls_in_a_row_are_one_turn() -> None:
    thought = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm."}]}
    said = {"role": "assistant", "content": [{"type": "output_text", "text": "Let me see."}]}
    done = {"type": "function_call_output", "call_id": "c1", "output": "1"}

    first, result, second = turns_of(
        [thought, said, CALL, done, {"role": "assistant", "content": "One."}]
    )

    assert (first.role, first.reasoning, first.content) == ("assistant", "Hm.", "Let me see.")
    assert [call.id for call in first.tool_calls] == ["c1"]
    assert result.role == "tool"
    assert (second.content, second.reasoning, second.tool_calls) == ("One.", "", [])


def test_a_thought_that_nothing_followed_is_left_out() -> None:
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}

    turns = turns_of([thought, {"role": "user", "content": "Well?"}, CALL])

    assert [turn.reasoning for turn in turns] == ["", ""]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ("auto", None)),
        ("auto", ("auto", None)),
        ("none", ("none", None)),
        ("required", ("required", None)),
        ("any", ("required", None)),
        ({"type": "function"}, ("required", None)),
        ({"type": "function", "name": "f"}, ("required", "f")),
        ({"type": "function", "function": {"name": "f"}}, ("required", "f")),
    ],
)
def test_tool_choices_mean_the_same_here(choice: Any, expected: tuple[str, str | None]) -> None:
    use = asked(tools=[TOOL], tool_choice=choice, parallel_tool_calls=False).tool_use

    assert use is not None
    assert (use.choice, use.name) == expected
    assert (use.tools[0].name, use.tools[0].strict, use.parallel) == ("f", True, False)


def test_nested_functions_are_read_as_chats_have_them() -> None:
    nested = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}

    use = asked(tools=[nested]).tool_use

    assert use is not None
    assert use.tools[0].name == "f"


@pytest.mark.parametrize(
    ("effort", "expected"),
    [
        ("none", Reasoning(enabled=False)),
        ("minimal", Reasoning(enabled=True, effort="low", may_emulate=True)),
        ("high", Reasoning(enabled=True, effort="high", may_emulate=True)),
    ],
)
def test_efforts_mean_the_same_here(effort: str, expected: Reasoning) -> None:
    assert asked(reasoning={"effort": effort, "summary": "auto"}).reasoning == expected


def test_formats_hold_the_text() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    form = {"type": "json_schema", "name": "x", "schema": schema, "strict": True}

    constraint = asked(text={"format": form}).constraint
    free = asked(text={"format": {"type": "json_object"}}).constraint

    assert constraint is not None
    assert free is not None
    assert (constraint.kind, json.loads(constraint.text)) == ("json_schema", schema)
    assert (free.kind, free.param) == ("json_object", "text.format")


def test_instructions_are_a_system_message_before_the_conversation() -> None:
    messages = asked(instructions="Be brief.").messages

    assert messages is not None
    assert [message.role for message in messages] == ["system", "user"]
