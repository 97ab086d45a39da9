"""The reference gives what transformers gives, however a text is cut and whoever is beside it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tests.engines.llm.native.tiny import FAMILIES, Tiny, tiny
from tests.engines.llm.native.torch_backend.stepping import Stepper, build, expected, tokens

CLOSE = 1e-4  # logits are around 2, in float32; sums are taken in another order
ROWS = np.array([2, 3, 9], np.int32)


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Tiny:
    return tiny(request.param)


def test_prompt_in_one_piece(model: Tiny) -> None:
    text = tokens(45)

    logits = Stepper(build(model)).feed({0: text})

    np.testing.assert_allclose(logits[0], expected(model, text), atol=CLOSE)


def test_prompt_in_chunks_and_then_token_by_token(model: Tiny) -> None:
    text = tokens(75)
    stepper = Stepper(build(model))

    pieces = [text[:20], text[20:50], text[50:72], *([token] for token in text[72:])]
    logits = np.concatenate([stepper.feed({0: piece})[0] for piece in pieces])

    np.testing.assert_allclose(logits, expected(model, text), atol=CLOSE)


def test_prompts_guesses_and_single_tokens_in_one_step(model: Tiny) -> None:
    texts = {sequence: tokens(60 + sequence, seed=sequence) for sequence in range(5)}
    stepper = Stepper(build(model))
    stepper.feed({0: texts[0][:40], 1: texts[1][:9]})
    stepper.feed({2: texts[2][:50]})

    ends = {3: (0, 35), 0: (40, 41), 2: (50, 53), 1: (9, 10), 4: (0, 3)}
    logits = stepper.feed({s: texts[s][start:end] for s, (start, end) in ends.items()})

    for sequence, (start, end) in ends.items():
        whole = expected(model, texts[sequence][:end])
        np.testing.assert_allclose(logits[sequence], whole[start:], atol=CLOSE)


def test_only_the_rows_that_are_asked_for() -> None:
    model, text = tiny("llama"), tokens(40)
    backend = build(model)
    stepper = Stepper(backend)

    none = backend.forward(replace(stepper.step({0: text[:30]}), logit_rows=ROWS[:0]))
    some = backend.forward(replace(stepper.step({0: text[30:]}), logit_rows=ROWS))

    assert none.shape == (0, 259)
    np.testing.assert_allclose(some, expected(model, text)[30 + ROWS], atol=CLOSE)


def test_import_is_cheap_until_a_model_is_built() -> None:
    program = (
        "import hearth.engines.llm.native.torch_backend, sys; sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
