"""Structured inputs and the caller's template."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.engines.embedding.prompts import render
from hearth.engines.engine import Failed


def place(index: int) -> str:
    return f"input[{index}]"


def test_each_input_is_rendered_with_its_own_fields() -> None:
    inputs: list[dict[str, Any]] = [{"a": "x", "b": [1, 2]}, {"a": "ü", "b": []}]

    texts = render("{{ a }}:{% for n in b %} {{ n }}{% endfor %}", inputs, place)

    assert texts == ["x: 1 2", "ü:"]


@pytest.mark.parametrize(
    ("template", "param"),
    [
        ("{% if %}", "prompt_template"),
        ("{{ missing }}", "input[0]"),
        ("{{ a.__class__.__mro__ }}", "input[0]"),
        ("{% include 'x' %}", "prompt_template"),
        ("{{ a + 1 }}", "input[0]"),
        ("{{ 'x' * 10**9 }}", "input[0]"),
    ],
)
def test_what_cannot_be_rendered_is_refused_by_name(template: str, param: str) -> None:
    with pytest.raises(Failed) as refused:
        render(template, [{"a": "x"}], place)

    assert (refused.value.failure.kind, refused.value.failure.param) == ("invalid", param)


def test_all_inputs_together_may_take_only_so_long() -> None:
    with pytest.raises(Failed) as refused:
        render("{{ a }}", [{"a": "x"}] * 100, place, limit_s=-1.0)

    assert refused.value.failure.param == "prompt_template"
