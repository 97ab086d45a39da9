"""Guesses come from earlier text, and are given up where they do not come true."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearth.engines.llm.native.speculation import Lookup, Thrift


def warmed(lookup: Lookup) -> Lookup:
    """Guesses of full length are allowed."""
    lookup.judge(64, 64)
    return lookup


def test_what_followed_the_last_three_tokens_is_guessed() -> None:
    lookup = warmed(Lookup([1, 2, 3, 4, 5, 9, 2, 3, 7, 1, 2, 3]))

    assert lookup.draft(3) == [4, 5, 9]


def test_of_two_tokens_the_later_place_is_taken() -> None:
    lookup = warmed(Lookup([5, 2, 3, 7, 8, 6, 2, 3, 9, 4, 1, 2, 3]))

    assert lookup.draft(2) == [9, 4]


def test_a_text_that_goes_in_circles_is_guessed_to_go_on() -> None:
    lookup = warmed(Lookup([1, 2]))
    lookup.append([1, 2, 1, 2])

    assert lookup.draft(5) == [1, 2, 1, 2, 1]


@pytest.mark.parametrize("prompt", [[], [1], [1, 2], [0, 0], [1, 2, 3, 1]])
def test_without_a_hint_nothing_is_guessed(prompt: list[int]) -> None:
    assert Lookup(prompt).draft(4) == []


def test_a_prediction_comes_before_the_text_itself() -> None:
    lookup = warmed(Lookup([1, 2, 3, 9, 9, 1, 2], prediction=[1, 2, 3, 4, 5]))
    lookup.append([3])

    assert lookup.draft(4) == [4, 5]


def test_a_prediction_is_guessed_from_its_start_and_found_again_after_a_difference() -> None:
    lookup = warmed(Lookup([90, 91], prediction=[1, 2, 3, 4, 1, 2, 5, 6]))

    assert lookup.draft(2) == [1, 2]
    lookup.append([1, 2])
    assert lookup.draft(2) == [3, 4]
    lookup.append([7])
    assert lookup.draft(2) == []
    lookup.append([3, 4])
    assert lookup.draft(2) == [1, 2]


@settings(max_examples=200, deadline=None)
@given(
    tokens=st.lists(st.integers(0, 3), max_size=40),
    at=st.integers(0, 40),
    longest=st.integers(1, 6),
)
def test_guesses_are_the_same_whether_text_was_prompt_or_generated(
    tokens: list[int], at: int, longest: int
) -> None:
    whole, parts = warmed(Lookup(tokens)), warmed(Lookup(tokens[:at]))
    parts.append(tokens[at:])

    guesses = whole.draft(longest)

    assert guesses == parts.draft(longest)
    assert guesses == plainly_guessed(tokens, longest)


def plainly_guessed(tokens: list[int], longest: int) -> list[int]:
    for length in (3, 2):
        last = tokens[len(tokens) - length :]
        ends = [n for n in range(length, len(tokens)) if tokens[n - length : n] == last]
        if ends:
            text = list(tokens)
            for n in range(longest):
                text.append(text[ends[-1] + n])
            return text[len(tokens) :]
    return []


def test_guesses_that_fail_are_made_ever_more_rarely() -> None:
    lookup, draw = Lookup([1, 2] * 8), random.Random(3)
    tried = []
    for step in range(2000):
        lookup.append([1, 2])  # there is always a hint
        guesses = lookup.draft(4)
        if guesses:
            tried.append(step)
            lookup.judge(len(guesses), draw.random() < 0.1)

    assert len(tried) < 60
    assert tried[-1] - tried[-10] > 10 * (tried[9] - tried[0])


def test_guesses_that_come_true_grow_and_go_on() -> None:
    lookup = Lookup([1, 2] * 4)
    lengths = []
    for _ in range(50):
        guesses = lookup.draft(8)
        lengths.append(len(guesses))
        lookup.judge(len(guesses), len(guesses))
        lookup.append(guesses)

    assert lengths[:3] == [2, 4, 8]
    assert set(lengths[3:]) == {8}


def test_a_pause_ends_after_so_many_tokens() -> None:
    lookup = Lookup([1, 2] * 4, thrift=Thrift(first_pause_tokens=6))
    lookup.judge(4, 0)

    lookup.append([1, 2, 1, 2])
    assert lookup.draft(4) == []

    lookup.append([1, 2])
    assert lookup.draft(4) == [1]
