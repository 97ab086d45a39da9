"""How templates tell that a model reasons, and what is made of a request for it."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.engines.engine import Failed
from hearth.engines.llm.reasoning import (
    Thinking,
    style_of,
    template_switches,
    thinking_of,
    with_thinking_begun,
)
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.protocol import GenerateRequest, Message, Reasoning

QWEN3 = ChatTemplate(
    "{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\n\n</think>\n\n' }}{%- endif %}",
    {},
)
DEEPSEEK = ChatTemplate(
    "{% if not thinking is defined %}{% set thinking = false %}{% endif %}"
    "{% if thinking %}{{ '<think>' }}{% else %}{{ '</think>' }}{% endif %}",
    {},
)
R1 = ChatTemplate("{{ messages[0].content }}{{ '<think>\n' }}", {})
GPT_OSS = ChatTemplate(
    "{%- if reasoning_effort is not defined %}{%- set reasoning_effort = 'medium' %}{%- endif %}"
    "{{- 'Reasoning: ' + reasoning_effort }}",
    {},
)
PLAIN = ChatTemplate("{{ messages[0].content }}", {})


def decide(
    template: ChatTemplate,
    reasoning: Reasoning | None = None,
    *,
    max_tokens: int | None = None,
    is_constrained: bool = False,
) -> Thinking | None:
    messages = [Message("user", "x")]
    request = GenerateRequest(messages=messages, reasoning=reasoning, seed=1, max_tokens=max_tokens)
    return thinking_of(request, style_of(template), is_constrained=is_constrained)


def on(**fields: Any) -> Reasoning:
    return Reasoning(enabled=True, **fields)


OFF = Reasoning(enabled=False)


@pytest.mark.parametrize(
    ("template", "can_think", "can_switch_off"),
    [
        (QWEN3, True, True),
        (DEEPSEEK, True, True),
        (R1, True, False),
        (GPT_OSS, True, False),
        (PLAIN, False, False),
        ("has none", False, False),
    ],
)
def test_a_template_tells_whether_its_model_reasons(
    template: ChatTemplate | str, can_think: bool, can_switch_off: bool
) -> None:
    style = style_of(template)

    assert (style.can_think, style.can_switch_off) == (can_think, can_switch_off)


@pytest.mark.parametrize(
    ("template", "asked", "switches", "rendered"),
    [
        (QWEN3, OFF, {"enable_thinking": False}, "<think>\n\n</think>\n\n"),
        (QWEN3, on(effort="low"), {"enable_thinking": True}, ""),
        (QWEN3, None, {}, ""),
        (DEEPSEEK, None, {}, "</think>"),
        (DEEPSEEK, on(), {"thinking": True}, "<think>"),
        (DEEPSEEK, Reasoning(budget_tokens=9), {"thinking": True}, "<think>"),
        (GPT_OSS, on(effort="low"), {"reasoning_effort": "low"}, "Reasoning: low"),
        (GPT_OSS, on(effort="max"), {"reasoning_effort": "high"}, "Reasoning: high"),
        (GPT_OSS, on(), {}, "Reasoning: medium"),
        (PLAIN, on(effort="low", history="preserved"), {}, "x"),
    ],
)
def test_the_switch_of_the_template_is_set(
    template: ChatTemplate, asked: Reasoning | None, switches: dict[str, Any], rendered: str
) -> None:
    variables = template_switches(asked, template)

    entries = [{"role": "user", "content": "x"}]
    assert variables == switches
    assert template.render_entries(entries, variables=variables) == rendered


@pytest.mark.parametrize(
    ("template", "asked", "budget"),
    [
        (QWEN3, on(effort="low"), 1024),
        (QWEN3, on(effort="max"), None),
        (QWEN3, on(effort="low", budget_tokens=7), 7),
        (R1, on(effort="high"), 24576),
        (R1, None, None),
        (PLAIN, on(effort="low", may_emulate=True), 64),
        (PLAIN, on(may_emulate=True), 128),
        (PLAIN, on(budget_tokens=999, may_emulate=True), 999),
    ],
)
def test_efforts_are_budgets_where_the_template_knows_none(
    template: ChatTemplate, asked: Reasoning, budget: int | None
) -> None:
    thinking = decide(template, asked)

    assert thinking is not None
    assert thinking.budget == budget
    assert thinking.is_emulated == (template is PLAIN)


def test_an_emulated_effort_leaves_half_of_the_tokens_to_the_answer() -> None:
    thinking = decide(PLAIN, on(effort="high", may_emulate=True), max_tokens=41)

    assert thinking is not None
    assert thinking.budget == 20


@pytest.mark.parametrize(
    ("template", "asked"),
    [
        (PLAIN, on()),
        (PLAIN, Reasoning(effort="low")),
        (R1, OFF),
        (GPT_OSS, OFF),
        (GPT_OSS, on(budget_tokens=100)),
    ],
)
def test_what_a_model_cannot_do_is_refused(template: ChatTemplate, asked: Reasoning) -> None:
    with pytest.raises(Failed) as refused:
        decide(template, asked)

    assert refused.value.failure.param == "reasoning_effort"


@pytest.mark.parametrize("asked", [None, OFF, Reasoning(history="disabled")])
def test_a_model_that_does_not_reason_just_answers(asked: Reasoning | None) -> None:
    assert decide(PLAIN, asked) is None


def test_a_constraint_sets_thinking_apart_unless_it_is_off() -> None:
    for template, asked in [(QWEN3, None), (QWEN3, on()), (R1, None), (DEEPSEEK, on())]:
        thinking = decide(template, asked, is_constrained=True)
        assert thinking is not None
        assert thinking.is_apart
    off = decide(QWEN3, OFF, is_constrained=True)
    assert off is not None
    assert not off.is_apart


@pytest.mark.parametrize(
    ("text", "thinking", "begun"),
    [
        ("a", None, "a"),
        ("a", Thinking(), "a"),
        ("a", Thinking(is_apart=True, may_open=True), "a<think>\n"),
        ("a", Thinking(is_apart=True), "a"),
        ("a<think>\n", Thinking(is_apart=True, may_open=True), "a<think>\n"),
        ("a<think>\n\n</think>\n\n", Thinking(is_apart=True, may_open=True), None),
        ("a</think>", Thinking(is_apart=True), "a</think>"),
        ("a<think>\n", Thinking(is_skipped=True, is_emulated=True), "a<think>\n\n</think>\n\n"),
        ("a", Thinking(is_skipped=True, is_emulated=True), "a<think>\n\n</think>\n\n"),
    ],
)
def test_thinking_begins_where_the_template_has_left_it(
    text: str, thinking: Thinking | None, begun: str | None
) -> None:
    assert with_thinking_begun(text, thinking) == (text if begun is None else begun)
