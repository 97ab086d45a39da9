"""Calls that must be made: the schema admits them and nothing else, the parser streams them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.engines.engine import Failed
from hearth.engines.llm.constraints import GrammarGuard, compile_constraint
from hearth.engines.llm.tools import argument_constraints, forced, forced_parser
from hearth.engines.protocol import Tool, ToolCallDelta, ToolUse
from tests.engines.llm.tools.driving import CUTS, TOOLS, Answer, cut, numbered, parsed

TREE = {
    "$id": "https://example.org/tree",
    "type": "object",
    "properties": {
        "root": {"$ref": "#/$defs/node"},
        "other": {"$ref": "https://example.org/tree#/definitions/leaf"},
        "again": {"$ref": "#"},
        "default": {"$ref": "#/properties/other"},
        "word": {"const": {"$ref": "#/$defs/node"}},
    },
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "additionalProperties": False,
        }
    },
    "definitions": {"leaf": {"type": "integer"}},
    "additionalProperties": False,
}
NODE = {"type": "object", "required": ["x"], "properties": {"x": {"$ref": "#/$defs/node"}}}
TREES = [Tool("grow", "", TREE), Tool("cut", "", NODE | {"$defs": {"node": {"type": "null"}}})]


def required(tools: list[Tool], *, parallel: bool = False, name: str | None = None) -> ToolUse:
    return ToolUse(tools=tools, choice="required", parallel=parallel, name=name)


def admits(tool_use: ToolUse, answer: Any) -> bool:
    schema = json.loads(forced(tool_use).text)
    jsonschema.Draft202012Validator.check_schema(schema)
    return bool(jsonschema.Draft202012Validator(schema).is_valid(answer))


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


@pytest.mark.parametrize(
    ("answer", "is_right"),
    [
        (call("get_weather", city="Rome"), True),
        (call("add", a=1.5), True),
        (call("get_time"), True),
        (call("get_weather"), False),
        (call("get_weather", city=1), False),
        (call("add", a="one"), False),
        (call("get_time", zone="UTC"), False),
        (call("rm"), False),
        ({"name": "get_time"}, False),
        ({"arguments": {}}, False),
        (call("get_time") | {"id": 1}, False),
        ([call("get_time")], False),
        ({"name": "get_time", "arguments": "{}"}, False),
    ],
)
def test_one_call_of_several_functions(answer: Any, is_right: bool) -> None:
    assert admits(required(TOOLS), answer) is is_right


@pytest.mark.parametrize(
    ("answer", "is_right"),
    [
        ([call("get_time"), call("add", a=1)], True),
        ([call("get_time")], True),
        ([call("get_time")] * 17, False),
        ([], False),
        ([call("get_time"), call("rm")], False),
        (call("get_time"), False),
    ],
)
def test_several_calls_are_a_list(answer: Any, is_right: bool) -> None:
    assert admits(required(TOOLS, parallel=True), answer) is is_right


@pytest.mark.parametrize("parallel", [False, True])
def test_a_named_function_is_the_only_one_and_called_once(parallel: bool) -> None:
    tool_use = required(TOOLS, parallel=parallel, name="get_weather")

    assert admits(tool_use, call("get_weather", city="Rome"))
    assert not admits(tool_use, call("get_time"))
    assert not admits(tool_use, [call("get_weather", city="Rome")])


@pytest.mark.parametrize(
    ("arguments", "is_right"),
    [
        ({"root": {"children": [{"children": []}]}}, True),
        ({"root": {"children": [1]}}, False),
        ({"other": 3, "default": 4}, True),
        ({"other": "3"}, False),
        ({"default": "4"}, False),
        ({"again": {"again": {"other": 5}}}, True),
        ({"again": {"name": "grow", "arguments": {}}}, False),
        ({"word": {"$ref": "#/$defs/node"}}, True),
    ],
)
@pytest.mark.parametrize("parallel", [False, True])
def test_references_of_a_function_stay_its_own(
    arguments: dict[str, Any], is_right: bool, parallel: bool
) -> None:
    answer = call("grow", **arguments)

    assert admits(required(TREES, parallel=parallel), [answer] if parallel else answer) is is_right


@pytest.mark.parametrize(
    ("answer", "is_right"),
    [
        (call("grow", root={"children": [{"children": []}]}, default=4), True),
        (call("cut", x=None), True),
        (call("grow", again={"again": {"other": 5}}), True),
        (call("grow", root={"children": [1]}), False),
        (call("cut", x={"children": []}), False),
        (call("rm"), False),
    ],
)
def test_what_engines_are_held_to_is_that_schema(answer: Any, is_right: bool) -> None:
    guard = GrammarGuard(compile_constraint(forced(required(TREES))))

    assert (guard.accepts(json.dumps(answer)) and guard.may_end) is is_right


def test_definitions_of_the_same_name_do_not_mix() -> None:
    assert admits(required(TREES), call("cut", x=None))
    assert not admits(required(TREES), call("cut", x={"children": []}))


def test_the_schema_given_is_left_as_it_is() -> None:
    before = json.dumps(TREE)

    forced(required(TREES))

    assert json.dumps(TREE) == before


def test_errors_of_a_schema_are_told_at_its_place_in_the_request() -> None:
    constraints = argument_constraints(required(TREES))

    assert [each.param for each in constraints] == [
        "tools[0].function.parameters",
        "tools[1].function.parameters",
    ]
    assert json.loads(constraints[0].text) == TREE
    assert forced(required(TREES, name="cut")).param == "tools[1].function.parameters"
    assert forced(required(TREES)).param == "tools"


@pytest.mark.parametrize(
    ("tool_use", "param"),
    [
        (required([]), "tool_choice"),
        (required(TOOLS, name="rm"), "tool_choice"),
        (
            required([TOOLS[0], Tool("f", "", {"type": "string"})]),
            "tools[1].function.parameters.type",
        ),
    ],
)
def test_what_cannot_be_forced_is_refused(tool_use: ToolUse, param: str) -> None:
    with pytest.raises(Failed) as refused:
        forced(tool_use)

    assert (refused.value.failure.kind, refused.value.failure.param) == ("invalid", param)


def test_a_function_whose_schema_has_no_type_takes_an_object() -> None:
    tools = [Tool("f", "", {"properties": {"x": {"type": "integer"}}})]

    assert admits(required(tools), call("f", x=1))
    assert not admits(required(tools), {"name": "f", "arguments": 1})


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4)
CALLS = st.lists(st.tuples(st.sampled_from([tool.name for tool in TOOLS]), ARGUMENTS), min_size=1)


@given(CALLS, CUTS, st.booleans(), st.sampled_from([None, 1]))
def test_every_forced_answer_becomes_its_calls_however_it_is_cut(
    calls: list[tuple[str, dict[str, Any]]], cuts: list[int], ascii_only: bool, indent: int | None
) -> None:
    """Arguments come out as the same JSON values, whatever they hold."""
    value = [call(name, **arguments) for name, arguments in calls]
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    answer = parsed(_parser(parallel=True), cut(text, cuts))

    assert answer.text == ""
    assert [(each.name, json.loads(each.arguments)) for each in answer.calls] == calls
    assert answer == parsed(_parser(parallel=True), [text])


@given(CUTS, st.integers(0, 200))
def test_an_answer_cut_off_is_the_same_however_it_is_cut(cuts: list[int], length: int) -> None:
    text = json.dumps(call("get_weather", city="Rome \u2603", n=[1.5, True, None]))[:length]

    assert parsed(_parser(), cut(text, cuts)) == parsed(_parser(), [text])


def test_forced_calls_stream_with_the_name_first() -> None:
    parser = _parser()

    assert parser.push('{"name": "get_wea') == []
    assert parser.push('ther", "arguments": {"ci') == [
        ToolCallDelta(0, f"call_{0:024}", "get_weather", '{"ci')
    ]
    assert parser.push('ty": "Rome"}}') == [ToolCallDelta(0, "", "", 'ty": "Rome"}')]
    assert parser.end() == []


def test_a_second_call_cut_off_before_its_arguments_is_no_text() -> None:
    text = '[{"name": "get_time", "arguments": {}},\n {"name": "add", "argum'

    answer = parsed(_parser(parallel=True), [text])

    assert (answer.text, answer.said()) == ("", [("get_time", "{}")])


def test_an_answer_cut_off_before_its_name_is_text() -> None:
    assert parsed(_parser(), ['{"name": "get_w']) == Answer('{"name": "get_w', [])


def _parser(*, parallel: bool = False) -> Any:
    return forced_parser(required(TOOLS, parallel=parallel), numbered())
