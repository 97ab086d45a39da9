"""Linear maps in the precisions there are: float32, bfloat16, and float8 weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from hearth.errors import SetupError

Precision = Literal["f32", "bf16", "fp8"]

_FP8 = torch.float8_e4m3fn
_FP8_MAX = torch.finfo(_FP8).max
_FP8_MULTIPLE = 16  # both sides of a weight must be one, or the chip's instruction will not take it


class Linear(Protocol):
    """Multiplies by a weight, and may add a bias."""

    def __call__(self, inputs: Tensor) -> Tensor:
        """(T, columns) to (T, rows)."""
        ...


@dataclass(frozen=True, slots=True)
class DenseLinear:
    """A weight as it is, (rows, columns)."""

    weight: Tensor
    bias: Tensor | None = None

    def __call__(self, inputs: Tensor) -> Tensor:
        """See `Linear`."""
        return functional.linear(inputs, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class Fp8Linear:
    """A weight in float8 with a scale for each row; inputs are rounded with one for each token.

    The product is the chip's own on CUDA, which has not been tried; on a CPU the same rounded
    numbers are multiplied in float32, which is what tests compare with.
    """

    weight: Tensor
    "(rows, columns) of float8."
    scales: Tensor
    "(rows, 1)"
    bias: Tensor | None = None

    def __call__(self, inputs: Tensor) -> Tensor:
        """See `Linear`."""
        rounded, scales = to_fp8(inputs)
        if inputs.is_cuda:
            output = torch._scaled_mm(
                rounded,
                self.weight.t(),
                scale_a=scales,
                scale_b=self.scales.t(),
                out_dtype=torch.bfloat16,
            )
        else:
            products = rounded.float() @ self.weight.float().t()
            output = (products * scales * self.scales.t()).to(inputs.dtype)
        return output if self.bias is None else output + self.bias


def to_fp8(values: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row to float8 with a scale of its own, (rows, 1), to multiply back with."""
    scales = values.float().abs().amax(dim=-1, keepdim=True).clamp(min=1e-12) / _FP8_MAX
    rounded = (values.float() / scales).clamp(-_FP8_MAX, _FP8_MAX)
    return rounded.to(_FP8), scales


def make_linear(weight: Tensor, bias: Tensor | None, precision: Precision) -> Linear:
    """Keep a weight, given in float32 on its device, in a precision."""
    dtype = compute_type(precision)
    kept_bias = None if bias is None else bias.to(dtype)
    if precision != "fp8":
        return DenseLinear(weight.to(dtype), kept_bias)
    if any(size % _FP8_MULTIPLE for size in weight.shape):
        raise SetupError(
            f"The precision fp8 needs weights in multiples of {_FP8_MULTIPLE}, and this model "
            f"has one of {tuple(weight.shape)}: take bf16."
        )
    return Fp8Linear(*to_fp8(weight), kept_bias)


def compute_type(precision: Precision) -> torch.dtype:
    """What everything but float8 weights is kept in."""
    return torch.float32 if precision == "f32" else torch.bfloat16


def check_precision(precision: Precision, device: torch.device) -> None:
    """Refuse float8 where the chip has none.

    Raises:
        SetupError: with the remedy.
    """
    if precision != "fp8":
        return
    has_fp8 = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 9)
    if not has_fp8:
        raise SetupError(
            "The precision fp8 needs an NVIDIA GPU of compute capability 8.9 or more (Ada, "
            "Hopper, Blackwell): set `precision` to bf16."
        )
