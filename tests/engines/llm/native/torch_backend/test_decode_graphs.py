"""Recorded decode steps give what steps that are launched give; the recorder is a fake one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hearth.engines.llm.native.backend import Floats, LoraPair
from hearth.engines.llm.native.torch_backend.assembly import Plan, assemble
from hearth.engines.llm.native.torch_backend.backend import TorchBackend
from hearth.engines.llm.native.torch_backend.cuda_graphs import Replay
from hearth.engines.llm.native.torch_backend.shard import Shard
from tests.engines.llm.native.tiny import Tiny, tiny
from tests.engines.llm.native.torch_backend.adapting import adapted
from tests.engines.llm.native.torch_backend.stepping import (
    NUM_BLOCKS,
    Stepper,
    expected,
    tokens,
)

CLOSE = 1e-4


class Recorder:
    """Counts what is recorded; a recording is the function itself, which reads the same tensors."""

    def __init__(self) -> None:
        self.count = 0
        self.replays = 0

    def __call__(self, compute: Replay) -> Replay:
        self.count += 1

        def replay() -> torch.Tensor:
            self.replays += 1
            return compute()

        return replay


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def recorded(model: Tiny, recorder: Recorder) -> TorchBackend:
    plan = Plan(
        architecture=model.architecture,
        precision="f32",
        resident_adapters=2,
        num_blocks=NUM_BLOCKS,
        threads=1,
        device="cpu",
        shard=Shard(),
    )
    return assemble(plan, model.weights, capture=recorder)


def prompted(backend: TorchBackend, count: int) -> tuple[Stepper, dict[int, list[int]]]:
    """Sequences of unequal lengths whose prompts are computed."""
    texts = {sequence: tokens(20 + 9 * sequence, seed=sequence) for sequence in range(count)}
    stepper = Stepper(backend)
    stepper.feed(texts)
    return stepper, texts


def after(model: Tiny, text: list[int]) -> Floats:
    return expected(model, text)[-1:]


@pytest.mark.parametrize("count", [1, 3, 5])
def test_steps_are_padded_to_a_recorded_size(recorder: Recorder, count: int) -> None:
    model = tiny("gemma2")
    stepper, texts = prompted(recorded(model, recorder), count)

    for token in (7, 8, 9):
        logits = stepper.feed({sequence: [token] for sequence in texts})
        for sequence, text in texts.items():
            text.append(token)
            np.testing.assert_allclose(logits[sequence], after(model, text), atol=CLOSE)

    assert (recorder.count, recorder.replays) == (1, 3)


def test_padding_writes_into_no_block_that_is_held(recorder: Recorder) -> None:
    model = tiny("llama")
    stepper = Stepper(recorded(model, recorder))
    texts = {sequence: tokens(NUM_BLOCKS // 3 * 32 - 1, seed=sequence) for sequence in range(3)}
    stepper.feed(texts)

    logits = stepper.feed({sequence: [7] for sequence in texts})

    assert recorder.replays == 1
    for sequence, text in texts.items():
        np.testing.assert_allclose(logits[sequence], after(model, [*text, 7]), atol=CLOSE)


def test_prompts_are_not_replayed(recorder: Recorder) -> None:
    stepper, _ = prompted(recorded(tiny("llama"), recorder), 2)

    stepper.feed({0: [1], 1: [1, 2]})

    assert recorder.count == 0


def test_one_long_context_among_short_ones_is_not_padded_to(recorder: Recorder) -> None:
    backend = recorded(tiny("llama"), recorder)
    stepper = Stepper(backend)
    stepper.feed({0: tokens(17 * 32)} | {sequence: [3] for sequence in range(1, 6)})

    stepper.feed({sequence: [4] for sequence in range(6)})

    assert recorder.count == 0


def test_adapters_are_masked_in_recorded_steps(recorder: Recorder) -> None:
    base, model = tiny("llama"), tiny("llama")
    backend = recorded(base, recorder)
    backend.put_adapter(1, adapted(tiny("llama"), rank=4, seed=1))
    backend.put_adapter(0, adapted(model, rank=3, seed=2))
    text, stepper = tokens(30), Stepper(backend)
    stepper.feed({0: text, 1: text, 2: text}, {0: 0, 1: 1})

    logits = stepper.feed({0: [5], 1: [5], 2: [5]}, {0: 0, 1: 1})

    assert recorder.replays == 1
    np.testing.assert_allclose(logits[0], after(model, [*text, 5]), atol=CLOSE)
    np.testing.assert_allclose(logits[2], after(base, [*text, 5]), atol=CLOSE)


def test_tensors_that_moved_are_recorded_anew(recorder: Recorder) -> None:
    model = tiny("llama")
    backend = recorded(tiny("llama"), recorder)
    backend.put_adapter(0, adapted(tiny("llama"), rank=2, seed=1))
    text, stepper = tokens(30), Stepper(backend)
    stepper.feed({0: text[:29]}, {0: 0})
    stepper.feed({0: text[29:]}, {0: 0})

    backend.put_adapter(0, adapted(model, rank=20, seed=2))
    stepper.feed({1: text}, {1: 0})
    logits = stepper.feed({1: [5]}, {1: 0})

    assert recorder.count == 2
    np.testing.assert_allclose(logits[1], after(model, [*text, 5]), atol=CLOSE)


def test_adapter_that_overflows_does_no_harm_to_rows_beside_it(recorder: Recorder) -> None:
    model = tiny("llama")
    backend = recorded(model, recorder)
    huge = LoraPair(a=np.full((1, 64), 3e38, np.float32), b=np.full((64, 1), 3e38, np.float32))
    backend.put_adapter(1, {(0, "q"): huge})
    text, stepper = tokens(30), Stepper(backend)
    stepper.feed({0: text, 1: text}, {1: 1})

    logits = stepper.feed({0: [5], 1: [5]}, {1: 1})

    assert recorder.replays == 1
    np.testing.assert_allclose(logits[0], after(model, [*text, 5]), atol=CLOSE)
