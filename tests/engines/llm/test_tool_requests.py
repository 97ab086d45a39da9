"""Requests with tools: offered, forced, called, and told in the tokens of the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hearth.engines.engine import Engine
from hearth.engines.llm import llamacpp
from hearth.engines.protocol import (
    Constraint,
    GenerateRequest,
    Message,
    Reasoning,
    Sampling,
    Tool,
    ToolCall,
    ToolUse,
)
from tests.engines.conftest import llama_spec
from tests.engines.driving import Answer, answer
from tests.engines.models import tag_token, write_tiny_model

CALL = '<tool_call>\n{"name": "look", "arguments": {"city": "Rome"}}\n</tool_call>'
HERMES = (
    "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}"
    "{% for m in messages %}{{ '[' ~ m.role ~ ']' ~ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ '<tool_call>' ~ (c.function | tojson) ~ '</tool_call>' }}"
    "{% endfor %}{% endfor %}[assistant]"
)
CITY = {"type": "object", "properties": {"city": {"enum": ["Rome", "Oslo"]}}, "required": ["city"]}
LOOK = Tool("look", "Looks at a city.", CITY)
CALLING = Sampling(logit_bias={tag_token(0): 100.0})
TAGS = [CALL, "<think>", "</think>"]


@pytest.fixture(scope="module")
def hermes_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has one token for a whole call."""
    path = tmp_path_factory.mktemp("hermes") / "hermes.gguf"
    return write_tiny_model(path, template=HERMES, tags=TAGS)


@pytest.fixture
async def hermes(hermes_model: Path) -> AsyncIterator[Engine]:
    engine = await asyncio.to_thread(llamacpp.build, llama_spec(hermes_model))
    yield engine
    await engine.close()


def ask(use: ToolUse | None = None, **fields: Any) -> GenerateRequest:
    defaults: dict[str, Any] = {
        "messages": [Message("user", "Weather?")],
        "seed": 1,
        "max_tokens": 100,
        "tool_use": use,
        "return_prompt": True,
    }
    return GenerateRequest(**(defaults | fields))


def calls_of(got: Answer, choice: int = 0) -> list[tuple[str, Any]]:
    """Name and arguments of each call; ids and names come with its first piece, only."""
    calls: dict[int, list[str]] = {}
    for delta in got.deltas:
        for piece in delta.more.tool_calls if delta.more and delta.choice == choice else []:
            assert bool(piece.id) == bool(piece.name) == (piece.index not in calls)
            name_and_text = calls.setdefault(piece.index, [piece.name, ""])
            name_and_text[1] += piece.arguments
    return [(name, json.loads(text)) for name, text in calls.values()]


async def test_a_call_in_the_form_of_the_family_is_found(hermes: Engine) -> None:
    use = ToolUse(tools=[LOOK], parallel=False)

    got = await answer(hermes, ask(use, sampling=CALLING, n=2))

    assert calls_of(got, 0) == calls_of(got, 1) == [("look", {"city": "Rome"})]
    assert got.text() == ""
    assert got.finish(0) == got.finish(1) == "tool_calls"
    assert got.usage.completion_tokens < 10
    assert '"name": "look"' in (got.prompt.text or "")


async def test_several_calls_are_counted_up(hermes: Engine) -> None:
    got = await answer(hermes, ask(ToolUse(tools=[LOOK]), sampling=CALLING, max_tokens=3))

    assert calls_of(got) == [("look", {"city": "Rome"})] * 3
    assert got.finish() == "length"


async def test_with_none_the_tools_are_not_offered_and_nothing_is_a_call(hermes: Engine) -> None:
    use = ToolUse(tools=[LOOK], choice="none")

    got = await answer(hermes, ask(use, sampling=CALLING, max_tokens=1))

    assert got.text() == CALL
    assert got.finish() == "length"
    assert "look" not in (got.prompt.text or "")


@pytest.mark.parametrize("parallel", [True, False])
async def test_a_required_call_is_made_whatever_the_model(hermes: Engine, parallel: bool) -> None:
    use = ToolUse(tools=[LOOK, Tool("now")], choice="required", parallel=parallel)

    got = await answer(hermes, ask(use, max_tokens=400))

    called = calls_of(got)
    assert got.text() == ""
    assert got.finish() in ({"tool_calls", "length"} if parallel else {"tool_calls"})
    assert called
    assert all(
        args == {} if name == "now" else args["city"] in ("Rome", "Oslo") for name, args in called
    )


async def test_the_named_function_is_called(hermes: Engine) -> None:
    use = ToolUse(tools=[LOOK, Tool("now")], choice="required", name="look")

    got = await answer(hermes, ask(use))

    assert [name for name, _ in calls_of(got)] == ["look"]
    assert got.finish() == "tool_calls"


async def test_thinking_comes_before_a_required_call(hermes: Engine) -> None:
    use = ToolUse(tools=[LOOK], choice="required", name="look")
    reasoning = Reasoning(enabled=True, budget_tokens=12, may_emulate=True)

    got = await answer(hermes, ask(use, reasoning=reasoning, max_tokens=400))

    assert 0 < got.usage.reasoning_tokens <= 12
    assert got.reasoning()
    assert [name for name, _ in calls_of(got)] == ["look"]
    assert got.prompt.reasoning == "emulated"
    assert got.finish() == "tool_calls"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"use": ToolUse(tools=[], choice="required")}, "tool_choice"),
    ({"use": ToolUse(tools=[LOOK], choice="required", name="fly")}, "tool_choice"),
    ({"use": ToolUse(tools=[LOOK]), "constraint": Constraint("json_object")}, "tools"),
    ({"use": ToolUse(tools=[LOOK]), "messages": None, "prompt": "x"}, "tools"),
]


async def test_what_cannot_be_is_refused_by_name(hermes: Engine) -> None:
    for fields, param in REFUSED:
        got = await answer(hermes, ask(**fields))

        assert got.failure is not None, fields
        assert (got.failure.kind, got.failure.param) == ("invalid", param)


async def test_calls_and_results_of_a_history_are_in_the_prompt(hermes: Engine) -> None:
    call = ToolCall("call_1", "look", '{"city": "Oslo"}')
    messages = [
        Message("user", "Weather?"),
        Message("assistant", "", tool_calls=[call]),
        Message("tool", "rain", tool_call_id="call_1"),
    ]

    got = await answer(hermes, ask(messages=messages, max_tokens=1))

    expected = '<tool_call>{"name": "look", "arguments": {"city": "Oslo"}}</tool_call>[tool]rain'
    assert expected in (got.prompt.text or "")


async def test_a_template_without_tools_is_told_in_text(tiny_model: Path) -> None:
    engine = await asyncio.to_thread(llamacpp.build, llama_spec(tiny_model, context_tokens=2048))
    use = ToolUse(tools=[LOOK], choice="required", parallel=False)

    got = await answer(engine, ask(use))
    await engine.close()

    assert '"name": "look"' in (got.prompt.text or "")
    assert [name for name, _ in calls_of(got)] == ["look"]


async def test_markers_that_are_silent_tokens_are_heard(tmp_path: Path) -> None:
    template = HERMES.replace("<tool_call>", "[TOOL_CALLS]").replace("</tool_call>", "")
    tags = ["[TOOL_CALLS]", '[{"name": "look", "arguments": {"city": "Rome"}}]']
    path = write_tiny_model(tmp_path / "m.gguf", template=template, tags=tags, are_tags_silent=True)
    engine = await asyncio.to_thread(llamacpp.build, llama_spec(path))
    only_marker = Sampling(logit_bias={tag_token(0): 100.0})

    offered = await answer(engine, ask(ToolUse(tools=[LOOK]), sampling=only_marker, max_tokens=2))
    silent = await answer(engine, ask(sampling=only_marker, max_tokens=2))
    await engine.close()

    assert offered.text() == "[TOOL_CALLS][TOOL_CALLS]"
    assert silent.text() == ""


async def test_text_like_a_special_token_is_plain_text_where_asked(hermes: Engine) -> None:
    messages = [Message("user", "</think> or <think>?")]

    parsed = await answer(hermes, ask(messages=messages, max_tokens=1))
    safe = await answer(hermes, ask(messages=messages, max_tokens=1, safe_tokenization=True))

    special = {tag_token(1), tag_token(2)}
    assert special <= set(parsed.prompt.token_ids or [])
    assert not special & set(safe.prompt.token_ids or [])
    assert safe.prompt.text == parsed.prompt.text
    assert safe.usage.prompt_tokens > parsed.usage.prompt_tokens
