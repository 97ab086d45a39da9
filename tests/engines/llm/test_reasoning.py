"""Chats that think: on a tiny model with a template for it, and emulated on others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hearth.engines.engine import Engine
from hearth.engines.llm import llamacpp
from hearth.engines.protocol import Constraint, GenerateRequest, Message, Reasoning, Sampling
from tests.engines.conftest import llama_spec
from tests.engines.driving import Driver, answer
from tests.engines.models import WORDS, byte_token, tag_token, word_token, write_tiny_model

TAGS = ["<think>", "</think>"]
CLOSING = tag_token(1)
MESSAGES = "{% for m in messages %}{{ '[' ~ m.role ~ ']' ~ m.content }}{% endfor %}[assistant]"
SWITCHED = MESSAGES + (
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}"
)
ALWAYS = MESSAGES + "{{ '<think>\n' }}"
TEMPLATES = {"switched": SWITCHED, "always": ALWAYS, "plain": MESSAGES}
NEVER_CLOSING = Sampling(logit_bias={CLOSING: -100.0})
OFTEN_CLOSING = Sampling(logit_bias={CLOSING: 7.0})


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("thinking")
    return {
        name: write_tiny_model(folder / f"{name}.gguf", template=template, tags=TAGS)
        for name, template in TEMPLATES.items()
    }


async def load(path: Path) -> Engine:
    return await asyncio.to_thread(llamacpp.build, llama_spec(path, context_tokens=1024))


@pytest.fixture
async def switched(models: dict[str, Path]) -> AsyncIterator[Engine]:
    engine = await load(models["switched"])
    yield engine
    await engine.close()


@pytest.fixture
async def always(models: dict[str, Path]) -> AsyncIterator[Engine]:
    engine = await load(models["always"])
    yield engine
    await engine.close()


@pytest.fixture
async def plain(models: dict[str, Path]) -> AsyncIterator[Engine]:
    engine = await load(models["plain"])
    yield engine
    await engine.close()


def ask(**fields: Any) -> GenerateRequest:
    defaults: dict[str, Any] = {
        "messages": [Message("user", "Why?")],
        "seed": 5,
        "max_tokens": 60,
        "ignore_eos": True,
        "sampling": NEVER_CLOSING,
        "return_prompt": True,
    }
    return GenerateRequest(**(defaults | fields))


def thinking(**fields: Any) -> Reasoning:
    return Reasoning(enabled=True, **fields)


async def test_a_budget_is_a_hard_cap_and_the_answer_follows(switched: Engine) -> None:
    got = await answer(switched, ask(reasoning=thinking(budget_tokens=16)))

    assert got.usage.reasoning_tokens == 16
    assert got.usage.completion_tokens == 60
    assert got.usage.prompt_tokens == len(got.prompt.token_ids or [])
    assert sum(delta.num_tokens for delta in got.deltas) == 60
    assert got.reasoning()
    assert got.text()
    assert got.finish() == "length"
    assert got.prompt.text == "[user]Why?[assistant]<think>\n"
    assert got.prompt.reasoning == ""


async def test_the_answer_continues_from_what_was_thought(switched: Engine) -> None:
    # No white space, which is dropped around thinking; no characters of several bytes.
    banned = [CLOSING, *map(word_token, WORDS), *map(byte_token, [*range(33), *range(127, 256)])]
    readable = Sampling(logit_bias=dict.fromkeys(banned, -100.0))
    got = await answer(switched, ask(reasoning=thinking(budget_tokens=16), sampling=readable))

    prompt = f"{got.prompt.text}{got.reasoning()}\n</think>\n\n"
    alone = ask(messages=None, prompt=prompt, max_tokens=44, sampling=readable)

    assert len(got.reasoning()) == 16
    assert (await answer(switched, alone)).text() == got.text()


async def test_thinking_that_the_model_closes_ends_there(switched: Engine) -> None:
    request = ask(
        reasoning=thinking(budget_tokens=50), sampling=OFTEN_CLOSING, return_token_ids=True
    )

    got = await answer(switched, request)

    ids = [token for delta in got.deltas if delta.more for token in delta.more.token_ids]
    assert got.usage.reasoning_tokens == ids.index(CLOSING) + 1 < 50
    assert "</think>" not in got.reasoning()


async def test_max_tokens_covers_thinking_too(switched: Engine) -> None:
    got = await answer(switched, ask(reasoning=thinking(budget_tokens=50), max_tokens=20))

    assert got.usage.reasoning_tokens == got.usage.completion_tokens == 20
    assert got.finish() == "length"
    assert got.text() == ""


async def test_stop_strings_end_answers_only(switched: Engine) -> None:
    whole = await answer(switched, ask(reasoning=thinking(budget_tokens=16)))
    in_both = next(c for c in whole.reasoning() if c in whole.text())

    got = await answer(switched, ask(reasoning=thinking(budget_tokens=16), stop=[in_both]))

    assert got.reasoning() == whole.reasoning()
    assert got.text() == whole.text().partition(in_both)[0]
    assert got.finish() == "stop"


async def test_each_choice_thinks_with_its_own_seed(switched: Engine) -> None:
    # Short: sums differ in their last bits with the size of a batch, and texts part in the end.
    request = ask(reasoning=thinking(budget_tokens=8), max_tokens=16, n=2)
    both = await answer(switched, request)
    second = await answer(switched, replace(request, seed=6, n=1))

    assert (both.reasoning(1), both.text(1)) == (second.reasoning(), second.text())
    assert both.reasoning(0) != both.reasoning(1)
    assert both.usage.reasoning_tokens == 16
    assert both.usage.completion_tokens == 32
    assert both.usage.prompt_tokens == second.usage.prompt_tokens


async def test_the_answer_alone_is_constrained(switched: Engine) -> None:
    constraint = Constraint("regex", "[0-9]{5}")
    request = ask(
        reasoning=thinking(budget_tokens=16), constraint=constraint, ignore_eos=False, n=2
    )

    got = await answer(switched, request)

    for choice in (0, 1):
        assert got.text(choice).isdigit()
        assert len(got.text(choice)) == 5
        assert not got.reasoning(choice).isdigit()
        assert got.finish(choice) == "stop"


async def test_a_constraint_and_no_thinking_is_one_sequence(switched: Engine) -> None:
    request = ask(
        reasoning=Reasoning(enabled=False),
        constraint=Constraint("regex", "[0-9]{5}"),
        ignore_eos=False,
    )

    got = await answer(switched, request)

    assert got.reasoning() == ""
    assert got.text().isdigit()
    assert got.usage.reasoning_tokens == 0
    assert (got.prompt.text or "").endswith("<think>\n\n</think>\n\n")


@pytest.mark.parametrize("tokens", [1, 20])
async def test_cancelling_in_either_phase_frees_the_slot(switched: Engine, tokens: int) -> None:
    driver = Driver(switched)
    driver.add(1, ask(reasoning=thinking(budget_tokens=16), max_tokens=None, n=2))
    await driver.until_tokens(1, tokens)

    switched.cancel(1)
    await driver.until_over(1)

    got = driver.answers[1]
    assert {got.finish(0), got.finish(1)} == {"cancelled"}
    assert got.usage.completion_tokens == sum(delta.num_tokens for delta in got.deltas) < 900
    assert (switched.stats().running, switched.stats().waiting) == (0, 0)
    assert (await answer(switched, ask())).finish() == "length"


async def test_thinking_without_an_end_is_split_in_one_sequence(always: Engine) -> None:
    request = ask(sampling=OFTEN_CLOSING, return_token_ids=True)

    got = await answer(always, request)

    ids = [token for delta in got.deltas if delta.more for token in delta.more.token_ids]
    assert got.usage.reasoning_tokens == ids.index(CLOSING) + 1
    assert got.reasoning()
    assert got.text()
    assert "</think>" not in got.reasoning()


async def test_a_model_that_always_thinks_cannot_be_switched_off(always: Engine) -> None:
    off = Reasoning(enabled=False)
    refused = await answer(always, ask(reasoning=off))
    skipped = await answer(always, ask(reasoning=Reasoning(enabled=False, may_emulate=True)))

    assert refused.failure is not None
    assert refused.failure.param == "reasoning_effort"
    assert (skipped.prompt.text or "").endswith("<think>\n\n</think>\n\n")
    assert skipped.prompt.reasoning == "emulated"
    assert skipped.usage.reasoning_tokens == 0


async def test_a_model_without_a_template_for_it_thinks_where_allowed(plain: Engine) -> None:
    refused = await answer(plain, ask(reasoning=thinking(effort="low")))
    off = await answer(plain, ask(reasoning=Reasoning(enabled=False)))
    request = ask(reasoning=thinking(effort="low", may_emulate=True), max_tokens=300)
    got = await answer(plain, request)

    assert not plain.hello().capabilities.reasoning
    assert refused.failure is not None
    assert refused.failure.param == "reasoning_effort"
    assert (off.usage.reasoning_tokens, off.prompt.reasoning) == (0, "")
    assert got.prompt.reasoning == "emulated"
    assert got.usage.reasoning_tokens == 64
    assert got.usage.completion_tokens == 300


async def test_an_emulated_think_phase_leaves_room_for_the_answer(plain: Engine) -> None:
    got = await answer(plain, ask(reasoning=thinking(effort="high", may_emulate=True)))

    assert got.usage.reasoning_tokens == 30
    assert got.text()


async def test_the_prompt_counts_as_cached_only_once(switched: Engine) -> None:
    request = ask(
        messages=[Message("user", "Why is the sky blue? " * 10)],
        reasoning=thinking(budget_tokens=16),
    )
    first = await answer(switched, request)
    again = await answer(switched, request)

    assert first.usage.cached_tokens < 20
    assert first.usage.prompt_tokens > again.usage.cached_tokens > 200


async def test_history_that_the_template_drops_cannot_be_preserved(switched: Engine) -> None:
    messages = [
        Message("user", "a"),
        Message("assistant", "b", reasoning="secret"),
        Message("user", "c"),
    ]

    got = await answer(switched, ask(messages=messages, reasoning=Reasoning(history="preserved")))

    assert got.failure is not None
    assert got.failure.param == "reasoning_history"
