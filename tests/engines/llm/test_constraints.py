"""Constraints: what they admit, what is refused, and where."""

from __future__ import annotations

import contextlib
import json
import random
import time
from typing import Any

import jsonschema
import pytest

from hearth.engines.engine import Failed
from hearth.engines.llm.constraints import GrammarGuard, compile_constraint
from hearth.engines.llm.constraints.checking import new_matcher
from hearth.engines.protocol import Constraint
from tests.engines.llm.schemas import random_schema

JSON_GBNF = r"""
root   ::= value  # recursive
value  ::= object | array | string | [0-9]+ | ("true" | "null")
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? ws "}"
array  ::= "[" ws (
             value ("," ws value)*
           )? ws "]"
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" ["\\/bfnrt] )* "\""
ws     ::= [ \t\n]*
"""
ARITHMETIC_GBNF = r"""
root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*
"""


def constraint(kind: Any, what: object) -> Constraint:
    return Constraint(kind, what if isinstance(what, str) else json.dumps(what), "here")


def admits(kind: str, what: object, text: str) -> bool:
    guard = GrammarGuard(compile_constraint(constraint(kind, what)))
    return guard.accepts(text) and guard.may_end


def refusal(kind: str, what: object) -> tuple[str | None, str]:
    with pytest.raises(Failed) as caught:
        compile_constraint(constraint(kind, what))
    failure = caught.value.failure
    assert failure.kind == "invalid"
    assert failure.param is not None
    assert failure.message.startswith(failure.param)
    return failure.param, failure.message


def written_at_random(grammar: str, draw: random.Random) -> str | None:
    """A text of the grammar, byte by byte; None where it does not end soon."""
    matcher = new_matcher(grammar)
    text = bytearray()
    while len(text) < 600 and not matcher.is_stopped():
        mask = matcher.compute_bitmask()
        allowed = [byte for byte in range(256) if mask[byte // 8] >> byte % 8 & 1]
        if not allowed or (matcher.is_accepting() and draw.random() < 0.5):
            break
        likely = [byte for byte in allowed if byte in b'"}],:{[\\'] or allowed
        text.append(draw.choice(likely if draw.random() < 0.5 else allowed))
        matcher.consume_token(text[-1])
    return text.decode() if matcher.is_accepting() else None


def test_texts_of_random_schemas_are_valid() -> None:
    draw = random.Random(5)
    ended = 0
    for seed in range(500):
        schema = random_schema(seed)

        text = written_at_random(compile_constraint(constraint("json_schema", schema)), draw)

        if text is not None:
            ended += 1
            checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
            jsonschema.Draft202012Validator(schema, format_checker=checker).validate(
                json.loads(text)
            )
    assert ended > 300


@pytest.mark.parametrize(
    ("kind", "what", "good", "bad"),
    [
        ("json_object", "", '{"a": [1, {"b": null}]}', "[]"),
        ("json_object", "", "{}", '{"a":  1}'),
        ("regex", r"[0-9]+/[a-z]\/", "12/a/", "12a"),
        ("regex", "a\nb|ü", "ü", "a b"),
        ("grammar", 'root ::= "yes" | "no"', "no", "maybe"),
        ("grammar", 'root ::= item+\nitem ::= "- " [^\\n]+ "\\n" # c', "- a\n- ü\n", "- a"),
        ("grammar", 'root ::= "a"{2} [\\u4e00-\\u9fff]{1,2} .?', "aa漢\n", "a漢"),
        ("grammar", 'root ::= (\n "a" |\n "b"\n)\n  | "/\\"\\\\\\x41"', '/"\\A', "ab"),
        ("grammar", JSON_GBNF, '{ "a": [1,2, "x\\n", {"b":null}]}', '{"a":}'),
        ("grammar", ARITHMETIC_GBNF, "a+(b*2)=3\nx = 1\n", "a+=3\n"),
        ("json_schema", True, "3", "x"),
        ("json_schema", {"properties": {"a": {}}}, '{"a": 1}', '{"b": 1}'),
        ("json_schema", {"items": [{"type": "null"}], "type": "array"}, "[null, 1]", "[1]"),
        ("json_schema", {"type": "string", "format": "date"}, '"2024-02-29"', '"2023-02-29"'),
        ("json_schema", {"type": "string", "format": "date"}, '"2000-02-29"', '"1900-02-29"'),
        ("json_schema", {"type": "number", "exclusiveMinimum": 13}, "13.5", "13.0"),
        ("json_schema", {"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "0.5", "0.0"),
        ("json_schema", {"type": "number", "exclusiveMaximum": -2.5}, "-3", "-2.50"),
        ("json_schema", {"type": "object", "minProperties": 1}, '{"a": 1}', "{}"),
        (
            "json_schema",
            {"type": "integer", "minimum": 3, "exclusiveMinimum": True},
            "4",
            "3",
        ),
    ],
)
def test_a_constraint_admits_what_it_says(kind: str, what: object, good: str, bad: str) -> None:
    assert admits(kind, what, good)
    assert not admits(kind, what, bad)


def test_schemas_that_describe_an_object_together_are_not_closed_one_by_one() -> None:
    base = {"properties": {"a": {"type": "integer"}}, "required": ["a"]}
    schema = {
        "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"b": {"type": "integer"}}}],
        "type": "object",
        "$defs": {"base": base},
    }

    assert admits("json_schema", schema, '{"a": 1, "b": 2}')
    assert not admits("json_schema", schema, '{"b": 2}')


def test_a_schema_that_speaks_of_additional_properties_stays_open() -> None:
    schema = {"properties": {"a": {}}, "additionalProperties": {"type": "integer"}}

    assert admits("json_schema", schema, '{"a": "x", "b": 1}')
    assert not admits("json_schema", schema, '{"b": "x"}')


def test_references_reach_every_place_of_the_document() -> None:
    schema = {
        "type": "object",
        "properties": {"a/b": {"type": "null"}, "c": {"$ref": "#/properties/a~1b"}},
        "required": ["c"],
    }

    assert admits("json_schema", schema, '{"c": null}')
    assert not admits("json_schema", schema, '{"c": 1}')


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ("{", ""),
        (3, ""),
        ({"type": "objekt"}, ".type"),
        ({"properties": {"a": {"type": "strin"}}}, ".properties.a.type"),
        ({"properties": {"a b": {"enum": []}}}, ".properties['a b'].enum"),
        ({"anyOf": [{}, {"items": {"not": {}}}]}, ".anyOf[1].items.not"),
        ({"properties": {"a": {"uniqueItems": True}}}, ".properties.a.uniqueItems"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"minLength": -1}}}, ".$defs.a.minLength"),
        ({"items": {"$ref": "https://example.com/schema"}}, ".items.$ref"),
        ({"$ref": "#/$defs/missing"}, ".$ref"),
        ({"$ref": "#"}, ""),
        ({"properties": {"a": {"pattern": "a(?=b)"}}}, ".properties.a.pattern"),
        ({"properties": {"a": {"format": "color"}}}, ".properties.a.format"),
        ({"items": {"multipleOf": 0.1}}, ".items.multipleOf"),
        ({"items": {"multipleOf": 1000003}}, ".items.multipleOf"),
        ({"minProperties": 2, "type": "object"}, ".minProperties"),
        ({"required": "a"}, ".required"),
        ({"items": {"oneOf": [{"type": "number"}, {"type": "integer"}]}}, ".items"),
        (
            {
                "properties": {"a": {"items": {"type": "string", "minLength": 3, "maxLength": 1}}},
                "minItems": 1,
            },
            None,
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string", "minLength": 3, "maxLength": 1}},
                "required": ["a"],
            },
            ".properties.a",
        ),
        (
            {"properties": {"S_a": {}}, "patternProperties": {"^S_": {"type": "null"}}},
            ".patternProperties['^S_']",
        ),
    ],
)
def test_a_schema_is_refused_at_its_fault(schema: object, place: str | None) -> None:
    if place is None:  # an array that can be empty can still be written
        assert admits("json_schema", schema, '{"a": []}')
    else:
        assert refusal("json_schema", schema)[0] == f"here{place}"


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("regex", "(", "unclosed group"),
        ("regex", r"\bword", "lookaround"),
        ("regex", "a\\", ""),
        ("grammar", "", "no rule `root`"),
        ("grammar", 'root ::= "a" foo', "`foo` is not defined, in line 1"),
        ("grammar", 'root ::= "a"\nx ::= "b', "without end, in line 2"),
        ("grammar", "root ::= [z-a]", "range"),
        ("grammar", 'root ::= "\\q"', "escape"),
        ("grammar", 'root ::= ("a"', "`)` is missing"),
        ("grammar", "root = 3", "`::=` is missing"),
        ("grammar", 'root ::= "a"{9999}', "repetition"),
        ("grammar", "root ::= root", "No text"),
        ("grammar", 'root ::= "a" root', ""),
    ],
)
def test_a_broken_text_is_refused_with_the_reason(kind: str, text: str, reason: str) -> None:
    if text == 'root ::= "a" root':  # it has no end, but a beginning
        assert not admits(kind, text, "a")
    else:
        assert reason in refusal(kind, text)[1]


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


def doubling(times: int) -> dict[str, Any]:
    """2 ** times objects, were the references unfolded."""
    definitions: dict[str, Any] = {"d0": {"type": "null"}}
    for n in range(1, times):
        twice = {"$ref": f"#/$defs/d{n - 1}"}
        definitions[f"d{n}"] = {"properties": {"a": twice, "b": twice}, "required": ["a", "b"]}
    return {"$ref": f"#/$defs/d{times - 1}", "$defs": definitions}


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("json_schema", '{"items":' * 20_000 + "{}" + "}" * 20_000),
        ("json_schema", nested(500)),
        ("json_schema", {"enum": ["x" * 70_000]}),
        ("json_schema", {"properties": {f"p{n}": {} for n in range(2000)}}),
        ("json_schema", {"allOf": [{"pattern": f"(a|b)*a(a|b){{{n}}}"} for n in range(10, 18)]}),
        ("json_schema", doubling(40)),
        ("json_schema", {"type": "string", "minLength": 10**9}),
        ("regex", "(((((a{50}){50}){50}){50}){50}){50}"),
        ("regex", ".*" * 1000 + "x"),
        ("regex", ".*" * 30_000),
        ("regex", "(" * 2000),
        ("json_schema", {"multipleOf": 9999, "type": "integer", "minimum": 10**17}),
        ("grammar", "root ::= " + "(" * 30_000),
        ("grammar", 'root ::= (("a"{2000}){2000}){2000}'),
        ("grammar", "\n".join(["root ::= r0", *(f"r{n} ::= r{n + 1} r{n + 1}" for n in range(50))])
         + '\nr50 ::= "a"'),
    ],
)  # fmt: skip
def test_a_hostile_constraint_costs_little(kind: str, what: object) -> None:
    began = time.process_time()

    with contextlib.suppress(Failed):
        GrammarGuard(compile_constraint(constraint(kind, what))).accepts("a" * 100)

    assert time.process_time() - began < 5.0  # each takes below 0.5 s on an idle machine


def test_the_guard_sees_a_text_leave_its_grammar_and_end_too_soon() -> None:
    guard = GrammarGuard(compile_constraint(constraint("regex", "[0-9]{3}é")))

    assert guard.accepts("12")
    assert not guard.may_end
    assert guard.accepts("3é")
    assert guard.may_end
    assert not guard.accepts("4")
