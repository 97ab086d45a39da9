"""Tools told in plain text, for templates that have no place for them."""

from __future__ import annotations

import json

from hearth.engines.llm.tools import family_of, with_tools_in_text
from hearth.engines.protocol import Message, ToolCall, ToolUse
from tests.engines.llm.tools.driving import AUTO, CITY, TOOLS, parsed, parser

PLAIN = family_of("{{ messages }}")
ASK = Message("user", "Weather?")
CALLED = [
    ASK,
    Message("assistant", "I look.", tool_calls=[ToolCall("a", "get_weather", '{"city": "Rome"}')]),
    Message("tool", "21 degrees", tool_call_id="a"),
    Message("tool", "noon", name="get_time"),
]


def test_functions_are_told_in_the_system_message() -> None:
    told = with_tools_in_text([Message("system", "Be kind."), ASK], AUTO, PLAIN)

    assert [message.role for message in told] == ["system", "user"]
    assert told[0].content.startswith("Be kind.\n\nYou can call")
    line = told[0].content.splitlines()[3]
    assert json.loads(line) == {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": CITY,
    }


def test_a_chat_without_a_system_message_gets_one() -> None:
    told = with_tools_in_text([ASK], AUTO, PLAIN)

    assert [message.role for message in told] == ["system", "user"]
    assert all(tool.name in told[0].content for tool in TOOLS)


def test_earlier_calls_and_results_are_text_in_turns_that_alternate() -> None:
    told = with_tools_in_text([*CALLED, Message("user", "Thanks.")], AUTO, PLAIN)[1:]

    assert [(message.role, message.content) for message in told] == [
        ("user", "Weather?"),
        ("assistant", 'I look.\n{"name": "get_weather", "arguments": {"city": "Rome"}}'),
        ("user", "Result of get_weather: 21 degrees\nResult of get_time: noon\nThanks."),
    ]
    assert not any(message.tool_calls for message in told)


def test_the_form_of_earlier_calls_is_the_one_that_is_parsed() -> None:
    told = with_tools_in_text(CALLED, AUTO, PLAIN)

    answer = parsed(parser("json"), [told[2].content])

    assert answer.text == "I look."
    assert answer.said() == [("get_weather", '{"city": "Rome"}')]


def test_the_form_asked_for_is_the_one_that_is_forced() -> None:
    def told(**how: object) -> str:
        tool_use = ToolUse(tools=TOOLS, choice="required", **how)  # type: ignore[arg-type]
        return with_tools_in_text([ASK], tool_use, PLAIN)[0].content

    assert told().endswith('[{"name": "<function>", "arguments": {<arguments>}}]')
    assert told(parallel=False).endswith('\n{"name": "<function>", "arguments": {<arguments>}}')
    assert '"get_time"' not in told(name="get_weather")


def test_nothing_is_told_where_no_call_is_wanted() -> None:
    assert with_tools_in_text([ASK], ToolUse(tools=TOOLS, choice="none"), PLAIN) == [ASK]
    assert with_tools_in_text([ASK], None, PLAIN) == [ASK]
    assert len(with_tools_in_text(CALLED, None, PLAIN)) == 3


def test_a_template_that_renders_tools_gets_the_messages_as_they_are() -> None:
    family = family_of("{% for tool in tools %}{{ tool }}{% endfor %}")

    assert with_tools_in_text(CALLED, AUTO, family) == CALLED
