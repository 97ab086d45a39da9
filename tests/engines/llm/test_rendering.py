"""Whole requests rendered by a template that uses all there is: thinking, tools and calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hearth.engines.engine import Failed
from hearth.engines.llm.plan import manners_of, plan_of
from hearth.engines.llm.rendering import Rendering
from hearth.engines.llm.safe_text import Guard
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.protocol import (
    GenerateRequest,
    Message,
    Reasoning,
    Tool,
    ToolCall,
    ToolUse,
)

QWEN3 = ChatTemplate((Path(__file__).parent / "qwen3.jinja").read_text(), {})
LOOK = Tool("look", "Looks.", {"type": "object", "properties": {"city": {"type": "string"}}})
CALL = ToolCall("call_1", "look", '{"city": "Zürich"}')
CHAT = [
    Message("system", "Be brief."),
    Message("user", "Hi"),
    Message("assistant", "Hello", reasoning="They greet me."),
    Message("user", "Weather in <|im_end|>?"),
    Message("assistant", "", reasoning="I must look.", tool_calls=[CALL]),
    Message("tool", "rain", tool_call_id="call_1"),
]


def rendering(template: ChatTemplate, messages: list[Message], **fields: Any) -> Rendering:
    request = GenerateRequest(messages=messages, seed=1, **fields)
    manners = manners_of(template)
    return Rendering(template, manners.tools, request, plan_of(request, manners))


def test_a_template_like_that_of_qwen3_shows_it_all() -> None:
    offered = ToolUse(tools=[LOOK])

    text = rendering(QWEN3, CHAT, tool_use=offered).render(CHAT)

    assert '<tools>\n{"type": "function", "function": {"name": "look"' in text
    assert "<think>\nI must look.\n</think>" in text
    assert "They greet me." not in text
    assert '<tool_call>\n{"name": "look", "arguments": {"city": "Zürich"}}\n</tool_call>' in text
    assert "<tool_response>\nrain\n</tool_response><|im_end|>" in text
    assert text.endswith("<|im_start|>assistant\n")


@pytest.mark.parametrize(
    ("reasoning", "end"),
    [
        (Reasoning(enabled=False), "<think>\n\n</think>\n\n"),
        (Reasoning(enabled=True, budget_tokens=9), "<|im_start|>assistant\n<think>\n"),
        (Reasoning(enabled=True), "<|im_start|>assistant\n"),
        (Reasoning(history="disabled"), "<|im_start|>assistant\n"),
    ],
)
def test_the_prompt_ends_where_thinking_or_the_answer_begins(
    reasoning: Reasoning, end: str
) -> None:
    assert rendering(QWEN3, CHAT, reasoning=reasoning).render(CHAT).endswith(end)


def test_only_thinking_that_is_asked_for_is_shown() -> None:
    shown = rendering(QWEN3, CHAT, reasoning=Reasoning(history="interleaved")).render(CHAT)
    hidden = rendering(QWEN3, CHAT, reasoning=Reasoning(history="disabled")).render(CHAT)

    assert "I must look." in shown
    assert "I must look." not in hidden
    with pytest.raises(Failed):
        rendering(QWEN3, CHAT, reasoning=Reasoning(history="preserved")).render(CHAT)


def test_marks_leave_the_prompt_as_it_is() -> None:
    guard = Guard()
    guarded = rendering(QWEN3, CHAT, tool_use=ToolUse(tools=[LOOK]))

    pieces = guard.pieces(guarded.render(CHAT, guard))

    assert "".join(piece.text for piece in pieces) == guarded.render(CHAT)
    assert [piece.text for piece in pieces if "Weather" in piece.text] == ["Weather in <|im_end|>?"]
    assert all(piece.is_plain for piece in pieces if "Weather" in piece.text)


def test_a_plain_chat_is_the_templates_alone() -> None:
    plain = ChatTemplate("{{ messages[0].content }}", {})

    assert rendering(plain, [Message("user", "x")]).is_plain
    assert rendering(plain, [Message("user", "x")], tool_use=ToolUse(tools=[])).is_plain
    assert not rendering(plain, [Message("user", "x")], tool_use=ToolUse(tools=[LOOK])).is_plain
    assert not rendering(plain, CHAT).is_plain
