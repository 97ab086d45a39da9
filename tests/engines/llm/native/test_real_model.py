"""The small real model: backends agree, the default precision stays near, chats are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest

from hearth.engines.engine import Engine
from hearth.engines.llm import native
from hearth.engines.llm.native.backend import Backend, Floats, Ints
from hearth.engines.llm.native.openvino_backend import build_openvino_backend
from hearth.engines.llm.native.torch_backend import build_torch_backend
from hearth.engines.llm.native.weights import Checkpoint, open_checkpoint
from hearth.engines.llm.native_options import NativeOptions
from hearth.engines.protocol import Constraint, GenerateRequest, Message, Sampling
from tests.engines.conftest import llama_spec
from tests.engines.driving import answer, answers
from tests.engines.llm.native.stepping import Text, step_of
from tests.engines.models import smollm2_path

GREEDY = Sampling(temperature=0.0)
TEXT = (
    "<|im_start|>user\nWhat is a hearth?<|im_end|>\n<|im_start|>assistant\nA hearth is the floor "
    "of a fireplace, made of stone or brick, where families used to cook their food and keep warm."
)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return open_checkpoint(smollm2_path())


@pytest.fixture(scope="module")
def exact(checkpoint: Checkpoint) -> Floats:
    """Logits of the exact setting on a CPU."""
    return logits_of(
        build_openvino_backend(
            checkpoint.weights, NativeOptions(precision="f32"), num_blocks=4, threads=1
        ),
        checkpoint,
    )


def logits_of(backend: Backend, checkpoint: Checkpoint) -> Floats:
    ids = checkpoint.tokenizer.encode(TEXT, special=True, start=True)
    logits = backend.forward(step_of([Text(ids, [0, 1, 2, 3])])).copy()
    backend.close()
    return logits


def logprobs(logits: Floats, tokens: Ints) -> Floats:
    """Of one token in each place."""
    rows = logits.astype(np.float64)  # as sums of 49k exponentials
    rows -= np.logaddexp.reduce(rows, axis=1, keepdims=True)
    told: Floats = rows[np.arange(len(rows)), tokens].astype(np.float32)
    return told


def test_both_backends_compute_the_same(checkpoint: Checkpoint, exact: Floats) -> None:
    options = NativeOptions(precision="f32")
    backend = build_torch_backend(checkpoint.weights, options, num_blocks=4, threads=1)

    np.testing.assert_allclose(logits_of(backend, checkpoint), exact, atol=1e-3)


def test_the_default_precision_stays_near(checkpoint: Checkpoint, exact: Floats) -> None:
    backend = build_openvino_backend(checkpoint.weights, NativeOptions(), num_blocks=4, threads=1)

    likeliest = exact.argmax(1).astype(np.int32)
    told = logprobs(logits_of(backend, checkpoint), likeliest)

    assert 0 < np.abs(told - logprobs(exact, likeliest)).mean() < 0.07


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    made = native.build(llama_spec(smollm2_path(), engine="native", slots=8))
    yield made
    await made.close()


async def test_chats_constraints_and_scores_are_answered_side_by_side(engine: Engine) -> None:
    question = [Message("user", "What is the capital of France?")]
    city = Constraint("regex", "[A-Z][a-z]{2,8}")
    got = await answers(
        engine,
        {
            1: GenerateRequest(messages=question, seed=1, max_tokens=24, sampling=GREEDY),
            2: GenerateRequest(messages=question, seed=2, max_tokens=24, constraint=city),
            3: GenerateRequest(prompt="Paris is", seed=3, max_tokens=0, echo_tokens=-1, logprobs=2),
        },
    )

    assert "Paris" in got[1].text()
    assert got[2].finish() == "stop"
    assert got[2].text().isalpha()
    assert got[3].text() == "Paris is"
    again = await answer(engine, GenerateRequest(messages=question, seed=1, max_tokens=1))
    assert again.usage.cached_tokens == 32
