"""Chat templates: rendered as Hugging Face does, and harmless whatever they hold."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from hearth.engines.engine import Failed
from hearth.engines.llm.template import ChatTemplate, TemplateUnusable
from hearth.engines.protocol import Message

CHAT = [Message("system", "be <kind>"), Message("user", "hi"), Message("assistant", "yo")]
NOON = datetime(2026, 1, 2, 12)


def render(source: str, messages: list[Message] = CHAT) -> str:
    special = {"bos_token": "<s>", "eos_token": "</s>"}
    return ChatTemplate(source, special, now=lambda: NOON).render(messages)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ bos_token }}{{ messages[0].role }}{{ messages[1]['content'] }}", "<s>systemhi"),
        (
            "{% for m in messages %}\n  {% if m.role == 'user' %}\nA\n  {% endif %}\n{% endfor %}",
            "A\n",
        ),
        ("{{ messages[0] | tojson }}", '{"role": "system", "content": "be <kind>"}'),
        ("{{ {'b': 1, 'a': 'é'} | tojson(indent=2) }}", '{\n  "b": 1,\n  "a": "é"\n}'),
        ("{{ messages | map(attribute='role') | join(',') }}", "system,user,assistant"),
        ("{{ messages | selectattr('role', 'equalto', 'user') | list | length }}", "1"),
        ("{{ messages | rejectattr('role', 'equalto', 'user') | list | length }}", "2"),
        ("{{ messages[1:] | reverse | map(attribute='role') | list }}", "['assistant', 'user']"),
        (
            "{% for m in messages %}{% if loop.index0 == 1 %}{% break %}{% endif %}x{% endfor %}",
            "x",
        ),
        ("{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}x{% endfor %}", "xx"),
        ("{% generation %}{{ messages[1].content }}{% endgeneration %}", "hi"),
        ("{{ strftime_now('%d %b %Y') }}", "02 Jan 2026"),
        (
            "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}"
            "{% endfor %}"
            "{{ ns.n }}",
            "3",
        ),
        (
            "{{ 'a-b'.replace('-', '+') }}{{ 'a-b' | replace('-', '+') }}"
            "{{ '|'.join(['x', 'y']) }}",
            "a+ba+bx|y",
        ),
        ("{{ ' Hi there '.strip().split(' ')[1].upper() }}", "THERE"),
        ("{{ messages[0].items() | list | length }}{{ tools is none }}", "2True"),
        ("{% macro say(x) %}<{{ x }}>{% endmacro %}{{ say('a') ~ say(1) }}", "<a><1>"),
        (
            "{{ 'x' * 3 }}{{ [1] + [2] }}{{ 7 % 4 }}{{ 2 ** 5 }}{{ 'l1\nl2' | indent(2) }}",
            "xxx[1, 2]332l1\n  l2",
        ),
        (
            "{{ (1, 2, 3) | sum }}{{ nothing | default('d') }}{{ messages[0].name is defined }}",
            "6dFalse",
        ),
        ("{{ {'a': 1} | items | list }}{{ [3, 1] | sort }}{{ 'ab' | first }}", "[('a', 1)][1, 3]a"),
        ("{% if add_generation_prompt %}go{% endif %}", "go"),
    ],
)
def test_renders_as_hugging_face_does(source: str, expected: Any) -> None:
    assert render(source) == expected


def test_the_message_of_the_template_names_why_it_refuses() -> None:
    with pytest.raises(Failed) as refused:
        render("{{ raise_exception('Roles must alternate') }}")

    assert refused.value.failure.param == "messages"
    assert refused.value.failure.kind == "invalid"
    assert "Roles must alternate" in refused.value.failure.message


GROW = "{% set ns = namespace(x=START) %}{% for i in range(70) %}{% set ns.x = STEP %}{% endfor %}"


def grow(start: str, step: str, show: str = "{{ ns.x }}") -> str:
    return GROW.replace("START", start).replace("STEP", step) + show


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) ~ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% for x in [1, 2] recursive %}{{ loop([1, 2]) if loop.depth < 60 }}{% endfor %}",
        "{% macro f(s) %}{{ s }}{{ s }}{% endmacro %}{% set x = 'ab' %}"
        + "{% set x = f(x) %}" * 60,
        grow("'a'", "ns.x ~ ns.x"),
        grow("'a'", "ns.x + ns.x"),
        grow("'ab'", "ns.x.replace('a', ns.x)"),
        grow("'ab'", "ns.x | replace('a', ns.x)"),
        grow("'a'", "[ns.x, ns.x] | join"),
        grow("'a'", "ns.x.join([ns.x, ns.x])"),
        grow("[1]", "ns.x + ns.x"),
        grow("[1]", "[ns.x, ns.x]"),
        grow("[1]", "[ns.x, ns.x]", "{{ ns.x | tojson }}"),
        grow("[1]", "[ns.x, ns.x]", "{{ ns.x ~ '' }}"),
        grow("[1]", "[ns.x, ns.x]", "{{ ns.x | string }}"),
        grow("[1]", "[ns.x, ns.x]", "{{ ns }}"),
        grow("3", "ns.x * ns.x"),
        "{{ 'a' * 10 ** 9 }}",
        "{{ [0] * 1000000000 }}",
        "{{ 9 ** 999999999 }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'a\nb' | indent(1000000000) }}",
        "{{ [1] | tojson(indent=1000000000) }}",
        "{{ strftime_now('%999999999d') }}",
        "{{ range(10 ** 9) | list }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update({'role': 'x'}) }}",
        "{{ self.__init__.__globals__ }}",
        "{{ raise_exception.__globals__['jinja2'].x }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ lipsum(1000000) }}",
        "{{ environment.tick(-99999999) }}",
        "{{ '\\ud800' }}",
        "{{ 1 / 0 }}",
        "{{ messages.nothing.at_all }}",
        "{{ messages[0].content + 1 }}",
    ],
)
def test_a_hostile_template_gets_nowhere_and_soon(source: str) -> None:
    begin = time.process_time()

    with pytest.raises(Failed) as refused:
        render(source)

    assert time.process_time() - begin < 5
    assert refused.value.failure.kind == "invalid"
    assert len(refused.value.failure.message) < 1000


def test_private_attributes_are_empty() -> None:
    assert render("{{ messages[0] | attr('__class__') }}{{ strftime_now.__closure__ }}") == ""


@pytest.mark.parametrize(
    "source",
    [
        "{% for %}",
        "{{ 'a' | center(9) }}",
        "{% include 'x' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "x" * 2_000_000,
    ],
)
def test_what_is_no_chat_template_is_said_at_once(source: str) -> None:
    with pytest.raises(TemplateUnusable):
        ChatTemplate(source, {})


def test_long_chats_are_within_the_budget() -> None:
    source = (
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' "
        "+ '\n' }}{% endfor %}"
    )

    assert len(render(source, [Message("user", "x" * 3_000_000)])) > 3_000_000
    assert len(render(source, [Message("user", "hello")] * 10_000)) > 300_000


def test_one_rendering_does_not_spend_the_budget_of_the_next() -> None:
    template = ChatTemplate("{% for i in range(90000) %}{% endfor %}ok", {})

    assert [template.render(CHAT) for _ in range(6)] == ["ok"] * 6
