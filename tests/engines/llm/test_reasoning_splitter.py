"""Thinking told apart from the answer, however the text is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.engines.llm.reasoning_splitter import ReasoningSplitter

FRAGMENTS = st.sampled_from(
    ["<think>", "</think>", "<", "</", "think", ">", "\n", " ", "a", "b\n\nc", "</thi", "é😀"]
)
TEXTS = st.lists(FRAGMENTS, max_size=12).map("".join)


def split(pieces: list[str], *, is_open: bool) -> tuple[str, str]:
    splitter = ReasoningSplitter(is_open=is_open)
    told = [splitter.push(piece) for piece in pieces]
    told.append(splitter.end())
    return "".join(thinking for thinking, _ in told), "".join(answer for _, answer in told)


@given(TEXTS, st.booleans(), st.lists(st.integers(0, 60)))
def test_how_the_text_is_cut_changes_nothing(text: str, is_open: bool, cuts: list[int]) -> None:
    places = sorted({0, *(min(cut, len(text)) for cut in cuts), len(text)})
    pieces = [text[a:b] for a, b in pairwise(places)]

    whole = split([text], is_open=is_open)

    assert split(pieces, is_open=is_open) == whole
    assert split(list(text), is_open=is_open) == whole


@pytest.mark.parametrize(
    ("text", "is_open", "expected"),
    [
        ("<think>\nso\nwhat\n</think>\n\nYes.", False, ("so\nwhat", "Yes.")),
        ("\n <think>a</think>b", False, ("a", "b")),
        ("so\n</think>\n\nYes. </think>", True, ("so", "Yes. </think>")),
        ("Yes.", False, ("", "Yes.")),
        ("  Yes, <think>no</think>", False, ("", "  Yes, <think>no</think>")),
        ("<thin", False, ("", "<thin")),
        ("<think></think>Yes.", False, ("", "Yes.")),
        ("<think>on and on </thi", False, ("on and on </thi", "")),
        ("on and on\n", True, ("on and on", "")),
        ("", True, ("", "")),
    ],
)
def test_thinking_is_what_the_text_starts_with(
    text: str, is_open: bool, expected: tuple[str, str]
) -> None:
    assert split([text], is_open=is_open) == expected


@given(TEXTS.filter(lambda text: "</think>" not in text), TEXTS)
def test_nothing_but_white_space_and_tags_is_lost(thinking: str, answer: str) -> None:
    got = split([f"{thinking}</think>{answer}"], is_open=True)

    at = f"{thinking}</think>".index("</think>")
    assert got == (thinking[:at].strip(), answer.lstrip())


def test_thinking_is_told_as_it_comes() -> None:
    splitter = ReasoningSplitter(is_open=True)

    assert [splitter.push(piece) for piece in ("so ", "it", " </th", "e end")] == [
        ("so", ""),
        (" it", ""),
        ("", ""),
        (" </the end", ""),
    ]
