"""Cached prompts stay within their group; figures are those the server reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hearth.engines.llm.llamacpp.slots import Slots, common_prefix
from hearth.engines.llm.types import TokenEngine
from tests.engines.llm.llamacpp.sequences import (
    asked,
    cached_of,
    events_of,
    run,
    running,
    text_of,
)

PROMPT = [1, *range(50, 150)]


@pytest.fixture
async def tiny(tiny_model: Path) -> AsyncIterator[TokenEngine]:
    async with running(tiny_model) as runner:
        yield runner


async def test_a_prompt_is_cached_for_its_own_group_only(tiny: TokenEngine) -> None:
    first = await run(tiny, PROMPT, cache_group="a")

    again = await run(tiny, PROMPT, cache_group="a")
    other = await run(tiny, PROMPT, cache_group="b")
    nobody = await run(tiny, PROMPT)

    assert [cached_of(each) for each in (first, other, nobody)] == [0, 0, 0]
    assert cached_of(again) == len(PROMPT) - 1
    assert text_of(first) == text_of(again) == text_of(other)


async def test_a_group_finds_its_prompt_after_others_ran_beside_it(tiny: TokenEngine) -> None:
    await run(tiny, PROMPT, cache_group="a")
    await run(tiny, PROMPT, cache_group="b")

    together = [asked(PROMPT, cache_group=group) for group in "ba"]
    answers = await events_of(tiny, *together)

    assert [cached_of(answers[each.sequence]) for each in together] == [len(PROMPT) - 1] * 2


async def test_more_groups_than_slots_share_nothing(tiny: TokenEngine) -> None:
    for group in "abcdabcd":
        assert cached_of(await run(tiny, PROMPT, cache_group=group)) == 0


async def test_a_request_can_do_without_the_cache(tiny: TokenEngine) -> None:
    await run(tiny, PROMPT)

    assert cached_of(await run(tiny, PROMPT, use_cache=False)) == 0
    assert cached_of(await run(tiny, PROMPT)) == len(PROMPT) - 1


async def test_a_sequence_cancelled_at_once_leaves_nobody_elses_prompt(tiny: TokenEngine) -> None:
    for _ in range(2):  # fills both slots
        await events_of(tiny, asked(PROMPT, cache_group="a"), asked(PROMPT, cache_group="a"))
    for _ in range(20):
        cancelled = asked([1, 60, 70], cache_group="b")
        tiny.add(cancelled)
        tiny.cancel(cancelled.sequence)

    assert cached_of(await run(tiny, PROMPT, cache_group="b")) == 0


def test_the_slot_with_the_longest_common_prefix_is_taken() -> None:
    slots = Slots(3)
    for start in (5, 6):
        slots.release(slots.place([start] * 40, ("", "a"), use_cache=True).slot, was_filled=True)

    chosen = slots.place([5] * 30 + [6] * 10, ("", "a"), use_cache=True)

    assert (chosen.slot, chosen.may_reuse) == (0, True)


def test_a_prompt_with_little_in_common_takes_the_least_recently_used_slot() -> None:
    slots = Slots(2)
    for start in (5, 6):
        slots.release(slots.place([start] * 40, ("", "a"), use_cache=True).slot, was_filled=True)

    chosen = slots.place([6, 6] + [7] * 38, ("", "a"), use_cache=True)

    assert (chosen.slot, chosen.may_reuse) == (0, True)


def test_a_slot_of_unknown_content_is_not_reused() -> None:
    slots = Slots(1)
    slots.release(slots.place([1, 2], ("", "a"), use_cache=True).slot, was_filled=True)
    slots.release(slots.place([1, 2], ("", "b"), use_cache=True).slot, was_filled=False)

    assert not slots.place([1, 2], ("", "b"), use_cache=True).may_reuse


@pytest.mark.parametrize(
    ("first", "second", "length"),
    [([], [1], 0), ([1, 2], [1, 2, 3], 2), ([1, 2, 3, 4], [1, 2, 9, 4], 2), ([7], [8], 0)],
)
def test_a_common_prefix_is_measured(first: list[int], second: list[int], length: int) -> None:
    assert common_prefix(first, second) == length
