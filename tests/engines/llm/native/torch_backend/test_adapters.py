"""Sequences of different adapters share a step, and each gets what it would get alone."""

from __future__ import annotations

import numpy as np
import pytest

from hearth.engines.llm.native.backend import AdapterWeights, Floats, LoraPair
from hearth.errors import SetupError
from tests.engines.llm.native.tiny import tiny
from tests.engines.llm.native.torch_backend.adapting import adapted
from tests.engines.llm.native.torch_backend.stepping import Stepper, build, expected, tokens

CLOSE = 1e-4

Adapted = dict[int, tuple[AdapterWeights, Floats]]
TEXT = tokens(40)


@pytest.fixture(scope="module")
def adapters() -> Adapted:
    """Two of unequal rank, and what PEFT gives for the text with each."""
    made = {}
    for place, rank in {0: 3, 5: 12}.items():
        model = tiny("qwen2")
        weights = adapted(model, rank=rank, seed=place)
        made[place] = (weights, expected(model, TEXT))
    return made


def test_base_and_adapters_of_unequal_rank_in_one_step(adapters: Adapted) -> None:
    backend = build(tiny("qwen2"))
    for place, (weights, _) in adapters.items():
        backend.put_adapter(place, weights)

    logits = Stepper(backend).feed({0: TEXT, 1: TEXT, 2: TEXT, 3: TEXT}, {0: 5, 1: 0, 3: 5})

    for sequence, place in {0: 5, 1: 0, 3: 5}.items():
        np.testing.assert_allclose(logits[sequence], adapters[place][1], atol=CLOSE)
    np.testing.assert_allclose(logits[2], expected(tiny("qwen2"), TEXT), atol=CLOSE)


def test_place_that_is_taken_again_holds_nothing_of_the_last(adapters: Adapted) -> None:
    backend = build(tiny("qwen2"), resident_adapters=1)
    backend.put_adapter(0, adapters[5][0])
    backend.put_adapter(0, adapters[0][0])

    logits = Stepper(backend).feed({0: TEXT}, {0: 0})

    np.testing.assert_allclose(logits[0], adapters[0][1], atol=CLOSE)


def test_dropped_adapter_leaves_the_base_model(adapters: Adapted) -> None:
    backend = build(tiny("qwen2"))
    backend.put_adapter(0, adapters[0][0])
    backend.drop_adapter(0)

    logits = Stepper(backend).feed({0: TEXT}, {0: 0})

    np.testing.assert_allclose(logits[0], expected(tiny("qwen2"), TEXT), atol=CLOSE)


def test_adapter_of_another_model_is_refused_and_the_old_one_stays(adapters: Adapted) -> None:
    backend = build(tiny("qwen2"))
    backend.put_adapter(0, adapters[0][0])
    wrong = LoraPair(a=np.ones((4, 63), np.float32), b=np.ones((64, 4), np.float32))

    with pytest.raises(SetupError, match="does not fit"):
        backend.put_adapter(0, {(0, "q"): wrong})

    logits = Stepper(backend).feed({0: TEXT}, {0: 0})
    np.testing.assert_allclose(logits[0], adapters[0][1], atol=CLOSE)


def test_adapter_that_overflows_does_no_harm_to_whoever_gets_its_blocks() -> None:
    model = tiny("llama")
    backend = build(model)
    huge = LoraPair(a=np.full((1, 64), 1e38, np.float32), b=np.full((32, 1), 1e38, np.float32))
    backend.put_adapter(0, {(0, "k"): huge, (0, "v"): huge})
    Stepper(backend).feed({0: TEXT}, {0: 0})

    logits = Stepper(backend).feed({0: TEXT[:5]})

    np.testing.assert_allclose(logits[0], expected(model, TEXT[:5]), atol=CLOSE)
