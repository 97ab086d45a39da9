"""The parsers of all families: what they find, and that it never depends on the cuts."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hearth.engines.protocol import ToolCallDelta, ToolUse
from tests.engines.llm.tools.driving import CUTS, TOOLS, cut, parsed, parser
from tests.engines.llm.tools.hermes_transcripts import Transcript
from tests.engines.llm.tools.transcripts import DEEPSEEK_TOKENS, FAMILIES

ALL = [(form, case) for form, cases in FAMILIES.items() for case in cases]
CASES = [pytest.param(form, case, id=f"{form}: {case.about}") for form, case in ALL]
FORMS = sorted(FAMILIES)

FRAGMENTS = st.sampled_from(
    [
        *("<tool_call>", "</tool_call>", "<|python_tag|>", "<function=", "</function>", "```json"),
        *("[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "```", "\n", " ", "{", "}", "[", "]", ",", ":"),
        *DEEPSEEK_TOKENS,
        *('"name": "get_time"', '"arguments": ', '"parameters": {', "null"),
        *(
            '{"name": "add", "arguments": {"a": ',
            '"\\u00',
            "\\",
            '"',
            "get_time",
            "function",
            "12",
            "<function=add>",
            "<parameter=a>",
            "</parameter>",
        ),
    ]
)
ANY_TEXT = st.lists(FRAGMENTS | st.text(max_size=6), max_size=20).map("".join)


@pytest.mark.parametrize(("form", "case"), CASES)
def test_an_answer_means_what_the_model_meant(form: str, case: Transcript) -> None:
    answer = parsed(parser(form), [case.text])

    assert answer.text == case.content
    assert answer.said() == case.calls


@pytest.mark.parametrize(("form", "case"), CASES)
def test_character_by_character_comes_to_the_same(form: str, case: Transcript) -> None:
    assert parsed(parser(form), case.text) == parsed(parser(form), [case.text])


@given(st.sampled_from(ALL), CUTS)
def test_however_an_answer_is_cut_it_comes_to_the_same(
    case: tuple[str, Transcript], cuts: list[int]
) -> None:
    form, transcript = case

    answer = parsed(parser(form), cut(transcript.text, cuts))

    assert answer == parsed(parser(form), [transcript.text])


@pytest.mark.parametrize("form", FORMS)
@given(text=ANY_TEXT, cuts=CUTS)
def test_any_text_at_all_comes_to_the_same_however_it_is_cut(
    form: str, text: str, cuts: list[int]
) -> None:
    assert parsed(parser(form), cut(text, cuts)) == parsed(parser(form), [text])


@pytest.mark.parametrize("form", FORMS)
@given(text=ANY_TEXT | st.text())
def test_text_without_a_call_comes_out_as_it_was(form: str, text: str) -> None:
    answer = parsed(parser(form), [text])

    if not answer.calls:
        assert answer.text == text


@pytest.mark.parametrize("form", FORMS)
@given(before=st.text(), name=st.text(max_size=20))
@example(before="{", name='"')
def test_unknown_functions_are_text(form: str, before: str, name: str) -> None:
    """No word of it is lost, whatever stands around it."""
    text = f'{before}<tool_call>{{"name": "{name}!", "arguments": {{}}}}</tool_call>'

    answer = parsed(parser(form), [text])

    assert (answer.text, answer.calls) == (text, [])


def test_arguments_are_sent_while_they_are_written() -> None:
    streaming = parser("hermes")

    assert streaming.push('<tool_call>{"name": "get_weather", "arguments": {"ci') == [
        ToolCallDelta(0, f"call_{0:024}", "get_weather", '{"ci')
    ]
    assert streaming.push('ty": "Ro') == [ToolCallDelta(0, "", "", 'ty": "Ro')]


def test_plain_text_is_sent_at_once() -> None:
    streaming = parser("json")

    assert streaming.push("A word") == ["A word"]
    assert streaming.push(" and <tool") == [" and"]
    assert streaming.push(" more") == [" <tool more"]


@pytest.mark.parametrize("form", ["json", "llama3"])
def test_json_that_is_an_answer_is_not_held_back(form: str) -> None:
    streaming = parser(form)

    assert streaming.push('{"rows": [{"name"') == ['{"rows": [{"name"']
    assert streaming.push(": 1") == [": 1"]


@given(CUTS)
def test_where_one_call_is_allowed_a_second_never_shows(cuts: list[int]) -> None:
    call = '<tool_call>{"name": "get_time", "arguments": {}}</tool_call>'
    single = parser("hermes", ToolUse(tools=TOOLS, parallel=False))

    answer = parsed(single, cut(f"Yes. {call}\n{call} No.", cuts))

    assert (answer.text, answer.said()) == ("Yes.", [("get_time", "{}")])
    assert single.is_over


@pytest.mark.parametrize("form", FORMS)
def test_plain_text_takes_few_steps_however_long_it_is(form: str) -> None:
    """Steps are calls of functions, some 0.1 µs each; every delta of every stream takes them."""
    streaming = parser(form)

    steps = [_steps(lambda: streaming.push(" word, 1 < 2")) for _ in range(200)]

    assert max(steps) <= 50
    assert steps[-1] == steps[1]


def _steps(work: Callable[[], object]) -> int:
    steps = 0

    def count(_frame: object, event: str, _: object) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return steps
