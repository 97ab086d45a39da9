"""What every engine must do; each test runs over all of them."""

from __future__ import annotations

import os
from typing import Any

import pytest

from hearth.engines.protocol import GenerateRequest, Message, Sampling
from tests.engines.conftest import Subject
from tests.engines.driving import Driver, answer, answers

GREEDY = Sampling(temperature=0.0)


def ask(subject: Subject, **fields: Any) -> GenerateRequest:
    defaults: dict[str, Any] = {"seed": 7, "max_tokens": 12, "ignore_eos": True}
    if "messages" not in fields:
        defaults["prompt"] = subject.prompt
    return GenerateRequest(**(defaults | fields))


def endless(subject: Subject) -> GenerateRequest:
    return ask(subject, max_tokens=None)


async def test_the_deltas_add_up_to_the_usage(subject: Subject) -> None:
    got = await answer(subject.engine, ask(subject, n=2, max_tokens=9))

    assert sum(delta.num_tokens for delta in got.deltas) == got.usage.completion_tokens == 18
    assert got.usage.prompt_tokens == got.prompt.prompt_tokens > 0
    assert [d.prompt is not None for d in got.deltas] == [True] + [False] * (len(got.deltas) - 1)
    assert sum(delta.usage is not None for delta in got.deltas) == 1
    assert {got.finish(0), got.finish(1)} == {"length"}


async def test_the_times_of_a_request_are_positive_and_in_its_usage(subject: Subject) -> None:
    usage = (await answer(subject.engine, ask(subject))).usage

    assert usage.queue_s >= 0
    assert usage.prefill_s > 0
    assert usage.decode_s > 0


async def test_the_same_seed_gives_the_same_text_and_another_gives_another(
    subject: Subject,
) -> None:
    first = (await answer(subject.engine, ask(subject, seed=1))).text()
    again = (await answer(subject.engine, ask(subject, seed=1))).text()
    other = (await answer(subject.engine, ask(subject, seed=2))).text()

    assert first == again != other


async def test_choice_i_is_drawn_with_seed_plus_i(subject: Subject) -> None:
    both = await answer(subject.engine, ask(subject, n=2, seed=40))
    second = await answer(subject.engine, ask(subject, seed=41))

    assert both.text(1) == second.text()
    assert both.text(0) != both.text(1)


async def test_more_requests_than_slots_all_get_what_they_would_get_alone(subject: Subject) -> None:
    alone = [await answer(subject.engine, ask(subject, seed=n, sampling=GREEDY)) for n in range(3)]
    requests = {n: ask(subject, seed=n, sampling=GREEDY) for n in range(7)}

    together = await answers(subject.engine, requests)

    assert {got.text() for got in together.values()} == {alone[0].text()}
    assert all(got.usage.completion_tokens == 12 for got in together.values())


async def test_cancelling_frees_the_slot_for_the_request_that_waits(one_slot: Subject) -> None:
    driver = Driver(one_slot.engine)
    driver.add(1, endless(one_slot))
    await driver.until_tokens(1)
    driver.add(2, ask(one_slot, max_tokens=2))
    assert one_slot.engine.stats().waiting == 1

    one_slot.engine.cancel(1)
    await driver.step()

    produced = sum(delta.num_tokens for delta in driver.answers[1].deltas)
    assert driver.answers[1].finish() == "cancelled"
    assert driver.answers[1].usage.completion_tokens == produced < 4000
    await driver.until_over(2)
    assert 0 < driver.answers[2].usage.prefill_s < 5  # the first would have held it up for 30
    assert len([d for d in driver.answers[1].deltas if d.finish_reason]) == 1


async def test_cancelling_a_request_that_waits_costs_nothing(one_slot: Subject) -> None:
    driver = Driver(one_slot.engine)
    driver.add(1, endless(one_slot))
    await driver.until_tokens(1)
    driver.add(2, endless(one_slot))

    one_slot.engine.cancel(2)
    await driver.until_over(2)

    assert driver.answers[2].usage.completion_tokens == 0
    assert driver.answers[2].finish() == "cancelled"
    assert one_slot.engine.stats().waiting == 0
    one_slot.engine.cancel(1)
    await driver.until_over(1)


async def test_cancelling_what_is_unknown_or_over_changes_nothing(subject: Subject) -> None:
    await answer(subject.engine, ask(subject))

    subject.engine.cancel(1)
    subject.engine.cancel(99)

    assert (await answer(subject.engine, ask(subject))).finish() == "length"


@pytest.mark.parametrize("length", [1, 4])
async def test_text_ends_before_a_stop_string(subject: Subject, length: int) -> None:
    text = (await answer(subject.engine, ask(subject, max_tokens=40, sampling=GREEDY))).text()
    stop = text[len(text) // 2 :][:length]
    request = ask(subject, max_tokens=40, sampling=GREEDY, stop=["never in it", stop])

    got = await answer(subject.engine, request)

    assert got.text() == text[: text.index(stop)]
    assert got.finish() == "stop"
    last = got.deltas[-1].more
    if subject.engine.hello().engine != "remote":  # upstreams do not tell which it was
        assert last is not None
        assert last.stop == stop
    assert got.usage.completion_tokens <= 40


async def test_a_stop_string_that_does_not_come_loses_no_text(subject: Subject) -> None:
    plain = await answer(subject.engine, ask(subject, sampling=GREEDY))
    almost = plain.text()[-3:] + "\0"

    got = await answer(subject.engine, ask(subject, sampling=GREEDY, stop=[almost]))

    assert got.text() == plain.text()
    assert got.finish() == "length"


@pytest.mark.parametrize("max_tokens", [0, 1, 5])
async def test_a_text_is_as_long_as_asked(subject: Subject, max_tokens: int) -> None:
    got = await answer(subject.engine, ask(subject, max_tokens=max_tokens))

    assert got.usage.completion_tokens == max_tokens
    assert got.usage.prompt_tokens > 0
    assert got.finish() == "length"


async def test_a_prompt_as_long_as_the_window_is_refused_with_both_numbers(
    subject: Subject,
) -> None:
    ids = [10] * subject.context

    got = await answer(subject.engine, ask(subject, prompt=ids))

    assert got.failure is not None
    assert got.failure.kind == "invalid"
    assert got.failure.param == "prompt"
    assert f"{subject.context} tokens" in got.failure.message


async def test_a_prompt_that_leaves_one_token_gets_one(subject: Subject) -> None:
    got = await answer(subject.engine, ask(subject, prompt=[10] * (subject.context - 1)))

    assert got.usage.completion_tokens == 1
    assert got.finish() == "length"


async def test_max_tokens_is_lowered_to_what_the_window_holds(subject: Subject) -> None:
    ids = [10] * (subject.context - 5)

    got = await answer(subject.engine, ask(subject, prompt=ids, max_tokens=100))
    strict = ask(subject, prompt=ids, max_tokens=100, context_overflow="error")
    refused = await answer(subject.engine, strict)

    assert got.usage.completion_tokens == 5
    assert refused.failure is not None
    assert refused.failure.param == "max_tokens"


async def test_text_without_a_limit_ends_where_the_window_does(subject: Subject) -> None:
    got = await answer(subject.engine, ask(subject, prompt=[10] * 480, max_tokens=None))

    assert got.usage.completion_tokens == subject.context - 480


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"prompt": []}, "prompt"),
    ({"prompt": [10, 10_000_000]}, "prompt"),
    ({"prompt": [-1]}, "prompt"),
    ({"messages": []}, "messages"),
    ({"messages": [Message("user", "x")], "prompt": "x"}, "prompt"),
    ({"n": 0}, "n"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"stop": [""]}, "stop"),
    ({"prompt_truncate_tokens": 5}, "prompt_truncate_len"),
    ({"sampling": Sampling(temperature=-0.5)}, "temperature"),
    ({"sampling": Sampling(top_p=1.5)}, "top_p"),
    ({"sampling": Sampling(min_p=float("nan"))}, "min_p"),
    ({"sampling": Sampling(repetition_penalty=0.0)}, "repetition_penalty"),
    ({"sampling": Sampling(logit_bias={10_000_000: 1.0})}, "logit_bias"),
]


async def test_what_cannot_be_done_is_refused_by_name(subject: Subject) -> None:
    for fields, param in REFUSED:
        got = await answer(subject.engine, ask(subject, **fields))

        assert got.failure is not None, fields
        assert (got.failure.kind, got.failure.param) == ("invalid", param)
    assert subject.engine.stats().running == subject.engine.stats().waiting == 0


async def test_an_adapter_that_is_not_loaded_is_refused_by_name(subject: Subject) -> None:
    capabilities = subject.engine.hello().capabilities

    got = await answer(subject.engine, ask(subject, adapter="accounts/test/models/absent"))

    assert got.failure is not None
    assert got.failure.kind == ("invalid" if capabilities.adapters == "none" else "unavailable")
    assert got.failure.param == "model"
    assert "accounts/test/models/absent" in got.failure.message
    assert (await answer(subject.engine, ask(subject))).usage.adapter_digest == ""


async def test_a_chat_is_answered(subject: Subject) -> None:
    messages = [Message("system", "Be brief."), Message("user", "Say hi.")]

    got = await answer(subject.engine, ask(subject, messages=messages))

    assert got.usage.completion_tokens == 12


async def test_a_long_chat_is_cut_from_its_old_end(subject: Subject) -> None:
    turns = [Message("user", f"Question number {n}, with some words.") for n in range(30)]
    messages = [Message("system", "Be brief."), *turns]
    whole = await answer(subject.engine, ask(subject, messages=messages[:6], max_tokens=0))

    limit = whole.usage.prompt_tokens
    cut = ask(subject, messages=messages, max_tokens=0, prompt_truncate_tokens=limit)
    got = await answer(subject.engine, cut)

    assert limit * 0.7 < got.usage.prompt_tokens <= limit


async def test_a_chat_longer_than_the_window_is_cut_to_leave_room_for_the_answer(
    subject: Subject,
) -> None:
    turns = [Message("user", f"Question number {n}, with some words.") for n in range(200)]
    request = ask(
        subject, messages=turns, max_tokens=100, prompt_truncate_tokens=2**31 - 1, ignore_eos=True
    )

    got = await answer(subject.engine, request)

    assert got.usage.completion_tokens == 100
    assert 100 < got.usage.prompt_tokens <= subject.context - 100


async def test_a_long_prompt_is_not_lost_while_others_run(subject: Subject) -> None:
    prompt = [20 + (n * 7) % 200 for n in range(400)]
    long_one = ask(subject, prompt=prompt, sampling=GREEDY)
    alone = await answer(subject.engine, long_one)

    driver = Driver(subject.engine)
    driver.add(1, endless(subject))
    await driver.until_tokens(1)
    driver.add(2, long_one)
    await driver.until_over(2)
    subject.engine.cancel(1)
    await driver.until_over(1)

    assert driver.answers[2].text() == alone.text()
    assert driver.answers[2].usage.prompt_tokens == 400


async def test_a_thousand_cancels_leak_nothing(subject: Subject) -> None:
    driver = Driver(subject.engine)
    await answer(subject.engine, ask(subject))
    files_before = len(os.listdir("/proc/self/fd"))

    for request in range(subject.num_cancels):
        driver.add(request, endless(subject))
        if request % 4:  # every fourth is cancelled before it gets anywhere
            await driver.until_tokens(request)
        subject.engine.cancel(request)
        await driver.until_over(request)

    assert (await answer(subject.engine, ask(subject))).usage.completion_tokens == 12
    assert len(os.listdir("/proc/self/fd")) <= files_before + 4
    stats = subject.engine.stats()
    assert (stats.running, stats.waiting, stats.kv_used_tokens) == (0, 0, 0)
