"""Two processes give what one does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hearth.engines.llm.native.backend import Backend
from tests.engines.llm.native.tiny import Tiny, tiny
from tests.engines.llm.native.torch_backend.adapting import adapted
from tests.engines.llm.native.torch_backend.stepping import Stepper, build, expected, tokens

CLOSE = 1e-4


@pytest.fixture(scope="module")
def model() -> Tiny:
    return tiny("llama", attention_bias=True, mlp_bias=True)


@pytest.fixture(scope="module")
def shared(model: Tiny) -> Iterator[Backend]:
    backend = build(model, tensor_parallel=2)
    yield backend
    backend.close()


def test_prompt_and_decode_steps(model: Tiny, shared: Backend) -> None:
    text, stepper = tokens(40), Stepper(shared)

    pieces = [text[:35], text[35:39], text[39:]]
    logits = np.concatenate([stepper.feed({0: piece, 1: piece})[1] for piece in pieces])

    np.testing.assert_allclose(logits, expected(model, text), atol=CLOSE)


def test_adapters_are_cut_as_weights_are(shared: Backend) -> None:
    text, model = tokens(40), tiny("llama", attention_bias=True, mlp_bias=True)
    shared.put_adapter(1, adapted(model, rank=5, seed=1))

    with_adapter = Stepper(shared).feed({0: text}, {0: 1})[0]
    shared.drop_adapter(1)
    without = Stepper(shared).feed({0: text}, {0: 1})[0]

    np.testing.assert_allclose(with_adapter, expected(model, text), atol=CLOSE)
    assert np.abs(without - with_adapter).max() > 0.1
