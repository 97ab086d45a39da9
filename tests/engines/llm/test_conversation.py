"""Histories with tools and thinking, as chat templates want them."""

from __future__ import annotations

import pytest

from hearth.engines.llm.conversation import message_entries, tool_entries
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.protocol import Message, Tool, ToolCall

HISTORY = [
    Message("user", "Weather?"),
    Message(
        "assistant",
        "",
        reasoning="first",
        tool_calls=[ToolCall("call_1", "look", '{"city": "Zürich", "days": 2}')],
    ),
    Message("tool", "rain", tool_call_id="call_1", name="look"),
    Message("assistant", "Rain.", reasoning="second"),
    Message("user", "And then?"),
    Message("assistant", "Sun.", reasoning="third"),
]
CALL = "{% set f = messages[1].tool_calls[0].function %}"


def render(source: str, messages: list[Message] = HISTORY, history: str | None = None) -> str:
    return ChatTemplate(source, {}).render_entries(message_entries(messages, history))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ f.arguments | tojson }}", '{"city": "Zürich", "days": 2}'),
        (
            "{% for k, v in f.arguments.items() %}{{ k }}={{ v }};{% endfor %}",
            "city=Zürich;days=2;",
        ),
        ("{{ f.arguments }}", '{"city": "Zürich", "days": 2}'),
        (
            "{{ '```json\n' + f.arguments + '\n```' }}",
            '```json\n{"city": "Zürich", "days": 2}\n```',
        ),
        ("{{ 'a' ~ f.arguments }}", 'a{"city": "Zürich", "days": 2}'),
        ("{{ f.arguments is string }}{{ f.arguments is mapping }}{{ f.name }}", "FalseTruelook"),
        (
            "{{ messages[1].tool_calls[0].type }}{{ messages[1].tool_calls[0].id }}",
            "functioncall_1",
        ),
        ("{{ messages[2].tool_call_id }}{{ messages[2].name }}", "call_1look"),
    ],
)
def test_calls_render_in_every_style_of_template(source: str, expected: str) -> None:
    assert render(CALL + source) == expected


def test_arguments_that_are_no_object_stay_text() -> None:
    message = Message("assistant", "", tool_calls=[ToolCall("c", "f", "{broken")])

    assert render("{{ messages[0].tool_calls[0].function.arguments }}", [message]) == "{broken"


@pytest.mark.parametrize(
    ("history", "shown"),
    [
        ("disabled", ""),
        ("interleaved", "third"),
        ("preserved", "first second third "),
        (None, "first second third "),
    ],
)
def test_earlier_thinking_is_shown_as_asked(history: str | None, shown: str) -> None:
    source = "{% for m in messages if m.reasoning_content %}{{ m.reasoning_content }} {% endfor %}"

    assert render(source, history=history).strip() == shown.strip()


def test_a_tool_without_parameters_takes_an_empty_object() -> None:
    assert tool_entries([Tool("now")])[0]["function"]["parameters"] == {
        "type": "object",
        "properties": {},
    }
