"""Families are told by the chat template of a model."""

from __future__ import annotations

import re

import pytest

from hearth.engines.llm.tools import family_of, new_call_id

LISTS = "{% for tool in tools %}{{ tool | tojson }}{% endfor %}{{ messages[0].tool_calls }}"
MARKER = "<\uff5ctool\u2581calls\u2581begin\uff5c>"
SENTENCE = '{"name": function name, "parameters": dictionary of argument name and its value}'


@pytest.mark.parametrize(
    ("source", "form", "tools", "history"),
    [
        (LISTS + "<tool_call></tool_call>", "hermes", True, True),
        (LISTS + "{{ '<tool_call><function=' + name + '><parameter=' }}", "tagged", True, True),
        (LISTS + "{{ '<|python_tag|>' }}", "llama3", True, True),
        (LISTS + "{{ '" + SENTENCE + "' }}", "llama3", True, True),
        (LISTS + '{{ "' + SENTENCE.replace('"', '\\"') + '" }}', "llama3", True, True),
        (LISTS + "{{ '[TOOL_CALLS] [' }}", "mistral", True, True),
        (LISTS + "{{ '" + MARKER + "' }}", "deepseek", True, True),
        ("{{ message['tool_calls'] }}{{ '" + MARKER + "' }}", "deepseek", False, True),
        (LISTS, "json", True, True),
        ("{{ tools | length }}[TOOL_CALLS]", "mistral", True, False),
        ("{{ tools }}", "json", True, False),
        ("{{ messages[0].tool_calls }}", "json", False, False),
        ("{% if tools is defined %}x{% endif %}<tool_call>", "json", False, False),
        ("{% set tools = none %}", "json", False, False),
        ("You have tools. {{ 'tools' }}{{ messages.tools }}", "json", False, False),
        ("{% generation %}{% endgeneration %}{% break %}", "json", False, False),
        ("{% if", "json", False, False),
    ],
)
def test_the_markers_of_a_template_tell(source: str, form: str, tools: bool, history: bool) -> None:
    family = family_of(source)

    assert family.format.value == form
    assert (family.renders_tools, family.renders_history) == (tools, history)


def test_new_ids_look_like_those_of_calls() -> None:
    made = {new_call_id() for _ in range(100)}

    assert len(made) == 100
    assert all(re.fullmatch("call_[a-z0-9]{24}", each) for each in made)
