"""Families are told by the chat template of a model."""

from __future__ import annotations

import re

import pytest

from hearth.engines.llm.tools import family_of, new_call_id

LISTS = "{% for tool in tools %}{{ tool | tojson }}{% endfor %}"
CALL = "<\uff5ctool\u2581calls\u2581begin\uff5c>"
SENTENCE = '{"name": function name, "parameters": dictionary of argument name and its value}'


@pytest.mark.parametrize(
    ("source", "form", "renders"),
    [
        (LISTS + "<tool_call></tool_call>", "hermes", True),
        (LISTS + "{{ '<tool_call><function=' }}", "json", True),
        (LISTS + "{{ '<|python_tag|>' }}", "llama3", True),
        (LISTS + "{{ '" + SENTENCE + "' }}", "llama3", True),
        (LISTS + '{{ "' + SENTENCE.replace('"', '\\"') + '" }}', "llama3", True),
        (LISTS + "{{ '[TOOL_CALLS] [' }}", "mistral", True),
        (LISTS + "{{ '" + CALL + "' }}", "deepseek", True),
        (LISTS, "json", True),
        ("{{ tools | length }}[TOOL_CALLS]", "mistral", True),
        ("{% if tools is defined %}x{% endif %}<tool_call>", "json", False),
        ("{% set tools = none %}", "json", False),
        ("You have tools. {{ 'tools' }}{{ messages.tools }}", "json", False),
        ("{% generation %}{% endgeneration %}{% break %}", "json", False),
        ("{% if", "json", False),
    ],
)
def test_the_markers_of_a_template_tell(source: str, form: str, renders: bool) -> None:
    family = family_of(source)

    assert (family.format.value, family.renders_tools) == (form, renders)


def test_mistral_is_shown_ids_that_its_templates_take() -> None:
    family = family_of(LISTS + "[TOOL_CALLS]")
    shown = family.prompt_id("call_abcdefghijklmnopqrstuvwx")

    assert len(shown) == 9
    assert shown.isalnum()
    assert family.prompt_id(shown) == shown
    assert family.prompt_id("call_b") != shown
    assert family_of(LISTS).prompt_id("call_b") == "call_b"


def test_deepseek_takes_arguments_as_text() -> None:
    assert family_of(LISTS + CALL).arguments_as_text
    assert not family_of(LISTS + "<tool_call>").arguments_as_text


def test_new_ids_look_like_those_of_calls() -> None:
    made = {new_call_id() for _ in range(100)}

    assert len(made) == 100
    assert all(re.fullmatch("call_[a-z0-9]{24}", each) for each in made)
