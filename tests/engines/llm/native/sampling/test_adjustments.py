"""Bias, penalties, bans and mirostat against their formulas; what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from hearth.engines.engine import Failed
from hearth.engines.llm.native.sampling import check
from hearth.engines.protocol import Sampling
from tests.engines.llm.native.sampling.drawing import drawing, generated, random_logits, softmax

ROW = random_logits(12)


def test_bias_comes_before_penalties_and_bans_from_minus_100_on() -> None:
    got = ROW.copy()

    drawing(
        12, prompt=[1, 1, 2], banned=[9], repetition_penalty=2.0, logit_bias={1: 30.0, 3: -100.0}
    ).adjust(got)

    expected = ROW.copy()
    expected[1] = (ROW[1] + 30) / 2
    expected[2] = ROW[2] / 2 if ROW[2] > 0 else ROW[2] * 2
    expected[[3, 9]] = -np.inf
    assert got == pytest.approx(expected, rel=1e-6)


def test_repetition_counts_the_prompt_and_the_other_penalties_do_not() -> None:
    penalised = drawing(
        12, prompt=[4], repetition_penalty=1.5, frequency_penalty=0.25, presence_penalty=-1.0
    )
    for token in (7, 7, 8):
        penalised.accept(token)
    got = ROW.copy()

    penalised.adjust(got)

    expected = ROW.copy()
    for token in (4, 7, 8):
        expected[token] *= 1 / 1.5 if ROW[token] > 0 else 1.5
    expected[7] -= 2 * 0.25 - 1
    expected[8] -= 0.25 - 1
    assert got == pytest.approx(expected, rel=1e-6)


def test_plain_settings_adjust_nothing() -> None:
    assert not drawing(12, temperature=0.5, top_p=0.5).is_adjusting


@pytest.mark.parametrize("target", [5.0, 7.0])
def test_mirostat_keeps_surprise_near_its_target(target: float) -> None:
    rows = random_logits(600, 2000, scale=2.0)

    tokens = generated(rows, drawing(2000, mirostat_target=target, mirostat_lr=0.2))

    surprises = [-np.log2(softmax(row)[t]) for row, t in zip(rows, tokens, strict=True)]
    assert np.mean(surprises[100:]) == pytest.approx(target, abs=0.25)


def test_mirostat_draws_what_its_algorithm_draws() -> None:
    rows, settings = random_logits(50, 64), drawing(64, mirostat_target=1.5, mirostat_lr=0.3)
    bound = 3.0

    for row, token in zip(rows, generated(rows, settings), strict=True):
        surprise = -np.log2(softmax(row))
        assert surprise[token] <= max(bound, surprise.min()) + 1e-4
        bound -= 0.3 * (surprise[token] - 1.5)


@pytest.mark.parametrize(
    ("sampling", "param"),
    [
        (Sampling(mirostat_lr=0.1), "mirostat_lr"),
        (Sampling(mirostat_target=3.0, top_k=5), "top_k"),
        (Sampling(mirostat_target=3.0, top_p=0.5), "top_p"),
        (Sampling(mirostat_target=3.0, min_p=0.5), "min_p"),
        (Sampling(mirostat_target=3.0, typical_p=0.5), "typical_p"),
        (Sampling(mirostat_target=3.0, temperature=0.0), "mirostat_target"),
    ],
)
def test_what_mirostat_would_switch_off_is_refused(sampling: Sampling, param: str) -> None:
    with pytest.raises(Failed) as refused:
        check(sampling)

    assert refused.value.failure.kind == "invalid"
    assert refused.value.failure.param == param


def test_everything_else_may_be_combined() -> None:
    check(Sampling(temperature=0.0, top_k=3, top_p=0.5, min_p=0.1, typical_p=0.5))
    check(Sampling(mirostat_target=3.0, mirostat_lr=0.1, temperature=2.0, top_p=1.0, top_k=0))
    check(Sampling(mirostat_target=3.0, presence_penalty=1.0, logit_bias={1: 2.0}))
