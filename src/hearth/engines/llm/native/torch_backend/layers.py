"""The parts of a layer as functions: norms, rotations, activations."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from hearth.engines.llm.native.architecture import Activation

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "silu": functional.silu,
    "gelu_tanh": lambda inputs: functional.gelu(inputs, approximate="tanh"),
}


def rms_norm(inputs: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Divide by the root mean square of the last axis (Zhang and Sennrich, 2019), in float32."""
    return functional.rms_norm(inputs.float(), weight.shape, weight, eps).to(inputs.dtype)


def rotation(positions: Tensor, frequencies: Tensor, factor: float) -> tuple[Tensor, Tensor]:
    """Cosine and sine for (T,) positions, both (T, 1, head_dim / 2) in float32."""
    angles = positions.float()[:, None, None] * frequencies
    return angles.cos() * factor, angles.sin() * factor


def rotate(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn each pair (i, i + head_dim / 2) of (T, heads, head_dim) by its angle."""
    first, second = heads.float().chunk(2, dim=-1)
    turned = torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
    return turned.to(heads.dtype)


def softcap(values: Tensor, cap: float) -> Tensor:
    """Bend values smoothly so that they stay within ± cap."""
    return cap * torch.tanh(values / cap)
