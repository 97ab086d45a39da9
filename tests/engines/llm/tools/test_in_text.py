"""Tools told in plain text, for templates that have no place for them."""

from __future__ import annotations

import json
import re

import pytest

from hearth.engines.llm.tools import CallFormat, ToolFamily, family_of, with_tools_in_text
from hearth.engines.protocol import Message, ToolCall, ToolUse
from tests.engines.llm.tools.driving import AUTO, CITY, TOOLS, parsed, parser

PLAIN = family_of("{{ messages }}")
LISTS = "{% for tool in tools %}{{ tool }}{% endfor %}{{ messages[0].tool_calls }}"
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
    family = family_of(LISTS)

    assert with_tools_in_text(CALLED, AUTO, family) == CALLED


def test_a_template_that_drops_earlier_calls_gets_them_as_text_alone() -> None:
    told = with_tools_in_text(CALLED, AUTO, family_of("{{ tools }}"))

    assert [message.role for message in told] == ["user", "assistant", "user"]
    assert "get_weather" in told[1].content


@pytest.mark.parametrize("form", list(CallFormat))
def test_the_form_that_is_told_is_the_one_that_is_parsed(form: CallFormat) -> None:
    family = ToolFamily(format=form, renders_tools=False, renders_history=True)
    prompt = with_tools_in_text([ASK], AUTO, family)[0].content
    after = prompt.partition("in this form:\n")[2].partition("\nFor several")[0]
    call = (
        after.replace("<function>", "get_weather")
        .replace("{<arguments>}", '{"city": "Rome"}')
        .replace("{<arguments as JSON>}", '{"city": "Rome"}')
        .replace("<argument>", "city")
        .replace("<its value>", "Rome")
    )

    answer = parsed(family.parser(AUTO), [call])

    assert (answer.text, answer.said()) == ("", [("get_weather", '{"city": "Rome"}')])


def test_mistral_is_shown_ids_that_its_templates_take() -> None:
    told = with_tools_in_text(CALLED, AUTO, family_of(LISTS + "[TOOL_CALLS]"))

    shown = told[1].tool_calls[0].id
    assert re.fullmatch("[A-Za-z0-9]{9}", shown)
    assert told[2].tool_call_id == shown
    assert with_tools_in_text(told, AUTO, family_of(LISTS + "[TOOL_CALLS]")) == told


@pytest.mark.parametrize("ids", [("a", "b"), (None, None)])
def test_llama_is_shown_one_call_a_turn(ids: tuple[str | None, str | None]) -> None:
    calls = [ToolCall("a", "get_weather", "{}"), ToolCall("b", "get_time", "{}")]
    results = [
        Message("tool", "21", tool_call_id=ids[0]),
        Message("tool", "1", tool_call_id=ids[1]),
    ]

    told = with_tools_in_text(
        [ASK, Message("assistant", "Both.", tool_calls=calls), *results, ASK],
        AUTO,
        family_of(LISTS + "<|python_tag|>"),
    )

    assert told == [
        ASK,
        Message("assistant", "Both.", tool_calls=calls[:1]),
        results[0],
        Message("assistant", "", tool_calls=calls[1:]),
        results[1],
        ASK,
    ]
