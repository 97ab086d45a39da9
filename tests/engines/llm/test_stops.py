"""Stop strings: the text shown depends on the text alone, never on how it came in pieces."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.engines.llm.stops import StopMatcher

LETTERS = st.text("abc", max_size=30)


def shown(stops: list[str], pieces: list[str]) -> tuple[str, bool]:
    matcher, text = StopMatcher(stops), ""
    for piece in pieces:
        new, stopped = matcher.push(piece)
        text += new
        if stopped:
            return text, True
    return text + matcher.flush(), False


def naive(stops: list[str], text: str) -> tuple[str, bool]:
    """Read a character at a time; the first stop string to be complete ends the text."""
    for end in range(1, len(text) + 1):
        complete = [stop for stop in stops if text[:end].endswith(stop)]
        if complete:
            return text[: end - max(map(len, complete))], True
    return text, False


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted(place % (len(text) + 1) for place in places)
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


@given(
    LETTERS, st.lists(st.text("abc", min_size=1, max_size=4), max_size=4), st.lists(st.integers())
)
def test_any_cut_gives_what_reading_a_character_at_a_time_gives(
    text: str, stops: list[str], places: list[int]
) -> None:
    assert shown(stops, cut(text, places)) == naive(stops, text)


@pytest.mark.parametrize(
    ("stops", "pieces", "expected"),
    [
        (["END"], ["it is E", "N", "D of all"], ("it is ", True)),
        (["END"], ["it is E", "N", "o"], ("it is ENo", False)),
        (["END"], ["it is E"], ("it is E", False)),
        (["aab"], ["aa", "ab"], ("a", True)),
        (["b", "abc"], ["abc"], ("a", True)),
        (["bc", "abc"], ["xabc"], ("x", True)),
        (["\n\n"], ["a\n", "\nb"], ("a", True)),
        ([], ["a"], ("a", False)),
        (["漢字"], ["これは漢", "字だ"], ("これは", True)),
    ],
)
def test_table(stops: list[str], pieces: list[str], expected: Any) -> None:
    assert shown(stops, pieces) == expected


@given(st.lists(LETTERS, max_size=8))
def test_no_more_is_held_back_than_could_begin_a_stop_string(pieces: list[str]) -> None:
    matcher, all_of_it, text = StopMatcher(["cab", "bb"]), "", ""

    for piece in pieces:
        all_of_it += piece
        new, stopped = matcher.push(piece)
        text += new
        if stopped:
            return
        held = all_of_it[len(text) :]
        assert len(held) <= 2
        assert any(stop.startswith(held) for stop in ("cab", "bb"))
