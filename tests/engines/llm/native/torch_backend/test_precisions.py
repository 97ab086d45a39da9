"""What each precision costs, and what is refused where."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hearth.engines.llm.native.torch_backend.linear import make_linear
from hearth.errors import SetupError
from tests.engines.llm.native.tiny import tiny
from tests.engines.llm.native.torch_backend.stepping import Stepper, build, expected, tokens


def test_bf16_stays_near() -> None:
    model, text = tiny("qwen3"), tokens(40)

    logits = Stepper(build(model, precision="bf16")).feed({0: text})[0]

    reference = expected(model, text)
    assert np.abs(logits - reference).mean() < 0.03 * reference.std()


def test_fp8_weights_and_inputs_have_a_scale_for_each_row() -> None:
    random = torch.Generator().manual_seed(0)
    weight = torch.randn(32, 64, generator=random) * torch.logspace(-3, 3, 32)[:, None]
    inputs = torch.randn(5, 64, generator=random) * torch.logspace(-3, 3, 5)[:, None]
    bias = torch.zeros(32)

    output = make_linear(weight, bias, "fp8")(inputs.bfloat16()).float()

    exact = inputs @ weight.T
    size = inputs.norm(dim=1)[:, None] * weight.norm(dim=1)
    assert ((output - exact).abs() / size).max() < 0.02


def test_fp8_refuses_sides_the_chip_cannot_take() -> None:
    with pytest.raises(SetupError, match="multiples of 16"):
        make_linear(torch.ones(24, 32), None, "fp8")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine may have fp8")
def test_fp8_needs_a_gpu_that_has_it() -> None:
    with pytest.raises(SetupError, match="compute capability"):
        build(tiny("llama"), precision="fp8")


def test_u8_is_of_the_other_backend() -> None:
    with pytest.raises(SetupError, match="openvino"):
        build(tiny("llama"), precision="u8")


def test_keys_and_values_are_as_exact_as_the_rest() -> None:
    with pytest.raises(SetupError, match="leave `cache_precision` out"):
        build(tiny("llama"), precision="f32", cache_precision="bf16")
