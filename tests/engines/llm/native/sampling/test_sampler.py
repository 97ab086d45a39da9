"""Draws follow the probabilities, whatever else is in the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.sampling import Drawn, Sampler
from hearth.engines.protocol import Failure
from tests.engines.llm.native.sampling.drawing import (
    cut,
    distance,
    drawing,
    generated,
    random_logits,
    softmax,
    token,
)

CUTS: list[dict[str, Any]] = [
    {},
    {"top_k": 5},
    {"top_p": 0.7},
    {"min_p": 0.1},
    {"typical_p": 0.6},
    {"top_k": 20, "typical_p": 0.9, "top_p": 0.8, "min_p": 0.02},
]
ALL: list[dict[str, Any]] = [
    *CUTS,
    {"temperature": 0.0},
    {"temperature": 0.3, "top_p": 0.9},
    {"frequency_penalty": 0.5, "presence_penalty": 1.0, "repetition_penalty": 1.3},
    {"mirostat_target": 3.0},
    {"logit_bias": {3: 5.0, 4: -100.0}},
]


@pytest.mark.parametrize("cuts", CUTS, ids=str)
@pytest.mark.parametrize("size", [40, 3000])
def test_tokens_come_as_often_as_their_probability_says(cuts: dict[str, Any], size: int) -> None:
    scale = 1.5 if size == 40 else 4.0
    logits = random_logits(size, seed=3, scale=scale)
    sampler, counts = Sampler(size), np.zeros(size, np.int64)

    for seed in range(3000):
        counts[token(sampler.draw_one(logits, drawing(size, seed=seed, **cuts)))] += 1

    expected = cut(logits, **cuts)
    common = expected > 0.002
    assert not counts[expected == 0].any()
    assert distance(counts[common], expected[common] / expected[common].sum()) < 1.6


def test_the_places_of_one_seed_are_as_random_as_neighbouring_seeds() -> None:
    logits = np.zeros((4000, 16), np.float32)
    first, second = (np.array(generated(logits, drawing(16, seed=seed))) for seed in (7, 8))

    pairs = np.bincount(16 * first + second, minlength=256)
    follow = np.bincount(16 * first[:-1] + first[1:], minlength=256)

    assert distance(pairs, np.full(256, 1 / 256)) < 1.4
    assert distance(follow, np.full(256, 1 / 256)) < 1.4


def test_temperature_divides_logits() -> None:
    logits, size = random_logits(20, seed=4), 20
    sampler, counts = Sampler(size), np.zeros(size, np.int64)

    for seed in range(10_000):
        drawn = sampler.draw_one(logits, drawing(size, seed=seed, temperature=2.0))
        counts[token(drawn)] += 1

    assert distance(counts, softmax(logits / 2)) < 1.6


def test_a_sequence_draws_the_same_alone_and_in_any_batch() -> None:
    size, num = 2500, len(ALL)
    rows = random_logits(6, num, size)
    alone = [generated(rows[:, n], drawing(size, seed=n, **ALL[n])) for n in range(num)]
    order = np.random.default_rng(2).permutation(num).tolist()
    drawings = [drawing(size, seed=n, **ALL[n]) for n in order]

    together: list[list[int]] = [[] for _ in order]
    for step in rows:
        for place, drawn in enumerate(Sampler(size).draw(step[order], drawings)):
            together[place].append(token(drawn))
            drawings[place].accept(token(drawn))

    assert together == [alone[n] for n in order]


def test_drawing_again_changes_nothing() -> None:
    rows = random_logits(4, 300)
    once = generated(rows, drawing(300, mirostat_target=2.0))
    again, sampler, tokens = drawing(300, mirostat_target=2.0), Sampler(300), []

    for row in rows:
        sampler.draw_one(row[::-1].copy(), again)  # a guess that came to nothing
        tokens.append(token(sampler.draw_one(row, again)))
        again.accept(tokens[-1])

    assert tokens == once


def test_logits_are_left_as_they_were() -> None:
    logits = random_logits(len(ALL), 500)
    before = logits.copy()

    Sampler(500).draw(logits, [drawing(500, banned=[1], **fields) for fields in ALL])

    assert np.array_equal(logits, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_of_a_broken_model_fails_alone(bad: float) -> None:
    logits = random_logits(3, 50)
    logits[1, 7] = bad

    drawn = Sampler(50).draw(logits, [drawing(50, top_p=0.5, logprobs=2) for _ in range(3)])

    assert [type(each) for each in drawn] == [Drawn, Failure, Drawn]
    assert isinstance(drawn[1], Failure)
    assert drawn[1].kind == "failed"


def test_a_row_in_which_all_is_banned_fails() -> None:
    drawn = Sampler(3).draw_one(random_logits(3), drawing(3, banned=[0, 1, 2]))

    assert isinstance(drawn, Failure)


def test_logits_beyond_the_vocabulary_are_never_drawn_but_count() -> None:
    row = np.array([0, 1, 5], np.float32)

    drawn = Sampler(2).draw_one(row, drawing(2, temperature=0.0, logprobs=1))

    assert isinstance(drawn, Drawn)
    assert drawn.token == 1
    assert drawn.scores is not None
    assert drawn.scores.logprob == pytest.approx(np.log(softmax(row))[1], abs=1e-6)


@pytest.mark.parametrize("temperature", [0.0, 1e-9, 0.7, 1e9])
def test_logprobs_are_the_models_own(temperature: float) -> None:
    row, size = random_logits(9000), 9000
    expected = np.log(softmax(row))
    settings = drawing(
        size, temperature=temperature, logprobs=4, logit_bias={5: 40.0}, presence_penalty=1.0
    )

    drawn = Sampler(size).draw_one(row, settings)

    assert isinstance(drawn, Drawn)
    assert drawn.scores is not None
    assert drawn.scores.logprob == pytest.approx(expected[drawn.token], abs=1e-6)
    assert [id_ for id_, _ in drawn.scores.top] == np.argsort(-expected)[:4].tolist()
    assert [p for _, p in drawn.scores.top] == pytest.approx(np.sort(-expected)[:4] * -1, abs=1e-6)


ROWS = st.lists(
    st.one_of(st.floats(-60, 60, width=32), st.just(-np.inf), st.just(1.0)), min_size=2, max_size=40
).filter(lambda row: max(row) > -np.inf)


@settings(max_examples=300, deadline=None)
@given(
    row=ROWS,
    top_k=st.integers(0, 50),
    shares=st.tuples(*[st.floats(0, 1)] * 3),
    temperature=st.floats(1e-6, 1e12),
    seed=st.integers(-(2**64), 2**64),
)
def test_a_token_is_always_left_and_is_one_of_those_allowed(
    row: list[float], top_k: int, shares: tuple[float, float, float], temperature: float, seed: int
) -> None:
    logits: Floats = np.array(row, np.float32)
    top_p, min_p, typical_p = shares
    fields: dict[str, Any] = {
        "top_p": top_p,
        "min_p": min_p,
        "typical_p": typical_p,
        "top_k": top_k,
    }

    settings = drawing(len(row), seed=seed, temperature=temperature, **fields)
    id_ = token(Sampler(len(row)).draw_one(logits, settings))

    assert logits[id_] > -np.inf
    assert not top_k or np.argsort(-logits, kind="stable").tolist().index(id_) < top_k


@settings(max_examples=100, deadline=None)
@given(row=ROWS, greedy=st.sampled_from([{"temperature": 0.0}, {"top_k": 1}, {"top_p": 0.0}]))
def test_greedy_is_the_likeliest_and_the_lowest_id_on_ties(
    row: list[float], greedy: dict[str, Any]
) -> None:
    logits = np.array(row, np.float32)

    drawn = Sampler(len(row)).draw_one(logits, drawing(len(row), **greedy))

    assert token(drawn) == int(logits.argmax())
