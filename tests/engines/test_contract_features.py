"""What every engine must do beside plain text, as far as its capabilities say it can."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hearth.engines.protocol import (
    Constraint,
    GenerateRequest,
    Message,
    More,
    Reasoning,
    Sampling,
    Tool,
    ToolUse,
)
from tests.engines.conftest import Subject
from tests.engines.driving import Answer, Driver, answer

GREEDY = Sampling(temperature=0.0)
EMULATED = Reasoning(enabled=True, budget_tokens=8, may_emulate=True)
CITY = {
    "type": "object",
    "properties": {"city": {"enum": ["Rome", "Oslo"]}},
    "required": ["city"],
    "additionalProperties": False,
}
LOOK = Tool("look", "Looks at a city.", CITY)


def chat(**fields: Any) -> GenerateRequest:
    defaults: dict[str, Any] = {"messages": [Message("user", "Why?")], "seed": 7, "max_tokens": 24}
    return GenerateRequest(**(defaults | fields))


def mores(got: Answer) -> list[More]:
    return [delta.more for delta in got.deltas if delta.more is not None]


async def test_thinking_is_capped_counted_and_kept_from_the_answer(subject: Subject) -> None:
    got = await answer(subject.engine, chat(reasoning=EMULATED, ignore_eos=True, n=2))

    assert got.prompt.reasoning == "emulated"
    assert got.usage.reasoning_tokens == 16
    assert got.usage.completion_tokens == 48 == sum(delta.num_tokens for delta in got.deltas)
    assert got.reasoning(0)
    assert got.reasoning(1)
    assert got.text(0) != got.text(1)
    assert {got.finish(0), got.finish(1)} == {"length"}


async def test_a_prompt_longer_than_allowed_for_is_counted_and_not_computed(
    subject: Subject,
) -> None:
    counted = (await answer(subject.engine, chat(max_tokens=1))).prompt.prompt_tokens

    over = await answer(subject.engine, chat(max_prompt_tokens=counted - 1))
    just = await answer(subject.engine, chat(max_prompt_tokens=counted))

    assert not over.deltas
    if not subject.engine.hello().capabilities.prompt_limit:
        assert just.failure is not None
        assert just.failure.param == "max_prompt_tokens"
        return
    assert over.failure is not None
    assert (over.failure.kind, over.failure.prompt_tokens) == ("prompt_limit", counted)
    assert just.failure is None


async def test_thinking_repeats_with_its_seed(subject: Subject) -> None:
    request = chat(reasoning=EMULATED, max_tokens=16)

    first = await answer(subject.engine, request)
    again = await answer(subject.engine, request)

    assert (first.reasoning(), first.text()) == (again.reasoning(), again.text())


async def test_thinking_is_refused_where_it_is_not_allowed_to_be_emulated(
    subject: Subject,
) -> None:
    asked = await answer(subject.engine, chat(reasoning=Reasoning(effort="low")))
    declined = await answer(subject.engine, chat(reasoning=Reasoning(enabled=False)))

    assert asked.failure is not None
    assert (asked.failure.kind, asked.failure.param) == ("invalid", "reasoning_effort")
    assert declined.usage.reasoning_tokens == 0


async def test_cancelling_while_it_thinks_frees_the_slot(one_slot: Subject) -> None:
    endless = Reasoning(enabled=True, budget_tokens=3000, may_emulate=True)
    driver = Driver(one_slot.engine)
    driver.add(1, chat(reasoning=endless, max_tokens=None, ignore_eos=True))
    await driver.until_tokens(1, 2)

    one_slot.engine.cancel(1)
    await driver.until_over(1)

    assert driver.answers[1].finish() == "cancelled"
    assert driver.answers[1].usage.reasoning_tokens < 3000
    assert (await answer(one_slot.engine, chat())).usage.completion_tokens > 0
    assert one_slot.engine.stats().running == one_slot.engine.stats().waiting == 0


async def test_token_ids_are_told_once_each(subject: Subject) -> None:
    can = subject.engine.hello().capabilities.token_ids
    request = chat(return_token_ids=True, ignore_eos=True, stop=["never in it"])

    got = await answer(subject.engine, request)

    if not can:
        assert got.failure is not None
        assert got.failure.param == "return_token_ids"
        return
    assert sum(len(more.token_ids) for more in mores(got)) == 24
    assert len(got.prompt.token_ids or []) == got.usage.prompt_tokens


async def test_log_probabilities_travel_with_their_text(subject: Subject) -> None:
    most = subject.engine.hello().capabilities.logprobs
    plain = await answer(subject.engine, chat(sampling=GREEDY))
    stop = plain.text()[len(plain.text()) // 2 :][:4]

    got = await answer(subject.engine, chat(sampling=GREEDY, logprobs=2, stop=[stop]))

    if most is None:
        assert got.failure is not None
        assert got.failure.param == "logprobs"
        return
    told = [place for more in mores(got) for place in more.logprobs]
    data = b"".join(place.data for place in told).decode(errors="replace")
    assert data.startswith(got.text())
    assert all(place.logprob is None or place.logprob <= 0 for place in told)
    assert all(delta.text or delta.finish_reason for delta in got.deltas if delta.more)


async def test_more_log_probabilities_than_there_are_is_refused(subject: Subject) -> None:
    got = await answer(subject.engine, chat(logprobs=1000))

    assert got.failure is not None
    assert got.failure.param in ("logprobs", "top_logprobs")


async def test_a_required_call_is_made(one_slot: Subject) -> None:
    use = ToolUse(tools=[LOOK], choice="required", name="look", parallel=False)

    got = await answer(one_slot.engine, chat(tool_use=use, max_tokens=200))

    if "json_schema" not in one_slot.engine.hello().capabilities.constraints:
        assert got.failure is not None
        assert got.failure.param == "tool_choice"
        return
    pieces = [piece for more in mores(got) for piece in more.tool_calls]
    assert [piece.name for piece in pieces if piece.name] == ["look"]
    arguments = json.loads("".join(piece.arguments for piece in pieces))
    assert arguments["city"] in ("Rome", "Oslo")
    assert (got.text(), got.finish()) == ("", "tool_calls")


async def test_offered_tools_leave_plain_answers_as_they_are(one_slot: Subject) -> None:
    use = ToolUse(tools=[LOOK])

    got = await answer(one_slot.engine, chat(tool_use=use, ignore_eos=True))

    assert got.usage.completion_tokens == 24
    assert got.finish() == "length"
    assert got.text() or mores(got)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"tool_use": ToolUse(tools=[]), "messages": None, "prompt": "x"}, "tools"),
    ({"tool_use": ToolUse(tools=[LOOK]), "constraint": Constraint("json_object")}, "tools"),
    ({"reasoning": EMULATED, "messages": None, "prompt": "x"}, "reasoning_effort"),
    ({"reasoning": Reasoning(enabled=True, budget_tokens=0)}, "reasoning_effort"),
    ({"reasoning": Reasoning(history="preserved"), "messages": [
        Message("assistant", "x", reasoning="so"), Message("user", "x")
    ]}, "reasoning_history"),
    ({"safe_tokenization": True, "messages": None, "prompt": "x"}, "safe_tokenization"),
    ({"safe_tokenization": True, "prompt_truncate_tokens": 9}, "safe_tokenization"),
    ({"constraint": Constraint("json_schema", "{broken", "response_format")}, "response_format"),
]  # fmt: skip


async def test_what_cannot_be_done_is_refused_by_name(subject: Subject) -> None:
    for fields, param in REFUSED:
        got = await answer(subject.engine, chat(**fields))

        assert got.failure is not None, fields
        assert got.failure.kind == "invalid"
        assert (got.failure.param or "").startswith(param), fields
    assert subject.engine.stats().running == subject.engine.stats().waiting == 0


async def test_echo_is_refused_where_it_cannot_be(subject: Subject) -> None:
    can = subject.engine.hello().capabilities.echo
    got = await answer(subject.engine, text(echo_tokens=-1))

    assert can or (got.failure is not None and got.failure.param == "echo")


def text(**fields: Any) -> GenerateRequest:
    defaults: dict[str, Any] = {
        "messages": None, "prompt": "Once-upon", "sampling": GREEDY, "max_tokens": 6,
    }  # fmt: skip
    return chat(**(defaults | fields))


async def test_an_echoed_prompt_stands_before_what_is_written_anyway(subject: Subject) -> None:
    if not subject.engine.hello().capabilities.echo:
        return
    plain = await answer(subject.engine, text(n=2))

    got = await answer(subject.engine, text(n=2, echo_tokens=-1))
    last = await answer(subject.engine, text(echo_tokens=1))

    assert [got.text(n) for n in (0, 1)] == ["Once-upon" + plain.text(n) for n in (0, 1)]
    assert "Once-upon".endswith(last.text().removesuffix(plain.text()))
    assert last.text() != plain.text()
    assert got.usage.completion_tokens == plain.usage.completion_tokens
    assert got.usage.prompt_tokens == plain.usage.prompt_tokens


async def test_an_echoed_prompt_is_scored_but_for_its_first_token(subject: Subject) -> None:
    if not subject.engine.hello().capabilities.echo:
        return
    got = await answer(subject.engine, text(echo_tokens=-1, logprobs=2, ignore_eos=True))

    told = [place for more in mores(got) for place in more.logprobs]
    num_prompt = got.usage.prompt_tokens
    assert len(told) == num_prompt + 6
    assert told[0].logprob is None
    assert all(each.logprob is not None and each.logprob <= 0 for each in told[1:])
    assert [len(each.top) for each in told] == [0] + [2] * (num_prompt + 5)
    assert b"".join(each.data for each in told).decode(errors="replace") == got.text()


async def test_a_prompt_can_be_scored_and_nothing_written(subject: Subject) -> None:
    if not subject.engine.hello().capabilities.echo:
        return
    whole = await answer(subject.engine, text(echo_tokens=-1, logprobs=1))
    window = subject.engine.hello().context_tokens

    got = await answer(subject.engine, text(echo_tokens=-1, logprobs=1, max_tokens=0))
    full = text(prompt=[70] * window, echo_tokens=-1, logprobs=0, max_tokens=0)
    longest = await answer(subject.engine, full)

    told = [place for more in mores(got) for place in more.logprobs]
    first = [place for more in mores(whole) for place in more.logprobs][: len(told)]
    assert (got.text(), got.finish(), got.usage.completion_tokens) == ("Once-upon", "length", 0)
    assert [each.logprob for each in told[1:]] == pytest.approx(
        [each.logprob for each in first[1:]], abs=0.02
    )
    assert sum(len(more.logprobs) for more in mores(longest)) == window
    assert subject.engine.stats().running == subject.engine.stats().waiting == 0


async def test_a_text_ends_before_the_first_stop_token(subject: Subject) -> None:
    can = subject.engine.hello().capabilities
    ids = {"return_token_ids": True, "ignore_eos": True}
    plain = await answer(subject.engine, text(max_tokens=12, **ids))
    if not (can.stop_token_ids and can.token_ids):
        got = await answer(subject.engine, text(stop_token_ids=[5]))
        assert got.failure is not None
        assert got.failure.param == "stop_token_ids"
        return
    drawn = [token for more in mores(plain) for token in more.token_ids]

    got = await answer(subject.engine, text(max_tokens=12, stop_token_ids=[drawn[5]], **ids))
    alien = await answer(subject.engine, text(stop_token_ids=[1 << 30]))

    kept = [token for more in mores(got) for token in more.token_ids]
    assert kept == drawn[: drawn.index(drawn[5])]
    assert got.finish() == "stop"
    assert alien.failure is not None
    assert alien.failure.param == "stop_token_ids"


async def test_who_has_priority_is_admitted_first(one_slot: Subject) -> None:
    if not one_slot.engine.hello().capabilities.priority:
        return
    driver = Driver(one_slot.engine)
    driver.add(1, text(max_tokens=None, ignore_eos=True))
    await driver.until_tokens(1)
    for number, priority in ((2, -1), (3, 0), (4, 1)):
        driver.add(number, text(max_tokens=1, priority=priority))
    one_slot.engine.cancel(1)

    await driver.until_over(4)
    first = [number for number in (2, 3) if driver.answers[number].is_over]
    await driver.until_over(3)

    assert first == []
    assert not driver.answers[2].is_over
    await driver.until_over(2)
