"""The activation functions of encoders, in place on float32.

numpy has no error function, so GELU's is the rational approximation that Eigen and XLA use: right
to a few units in the last place of a float32.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hearth.engines.embedding.types import Floats

_NUMERATOR = (
    -2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
    -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02,
)  # fmt: skip
_DENOMINATOR = (
    -1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
    -1.42647390514189e-02,
)  # fmt: skip
_ERF_LIMIT = np.float32(4.0)  # beyond it the error function is 1 in float32
_BLOCK_ROWS = 32  # what is worked on stays in the processor's second cache


def gelu(x: Floats) -> Floats:
    """x · Φ(x) with the exact normal distribution function (Hendrycks & Gimpel 2016)."""
    for start in range(0, len(x), _BLOCK_ROWS):
        block = x[start : start + _BLOCK_ROWS]
        scaled = block * np.float32(0.5**0.5)
        np.clip(scaled, -_ERF_LIMIT, _ERF_LIMIT, out=scaled)
        square = scaled * scaled
        scaled *= _polynomial(square, _NUMERATOR)
        scaled /= _polynomial(square, _DENOMINATOR)
        scaled += np.float32(1.0)
        scaled *= np.float32(0.5)
        block *= scaled
    return x


def gelu_tanh(x: Floats) -> Floats:
    """GELU with the tanh approximation, as models call `gelu_new`."""
    inner = x * x
    inner *= np.float32(0.044715)
    inner += np.float32(1.0)
    inner *= x
    inner *= np.float32((2 / np.pi) ** 0.5)
    np.tanh(inner, out=inner)
    inner += np.float32(1.0)
    x *= np.float32(0.5)
    x *= inner
    return x


def relu(x: Floats) -> Floats:
    """The larger of x and 0."""
    return np.maximum(x, np.float32(0.0), out=x)


def _polynomial(x: Floats, coefficients: tuple[float, ...]) -> Floats:
    """Horner's rule, the highest power first."""
    first, second, *rest = (np.float32(each) for each in coefficients)
    total = x * first
    total += second
    for coefficient in rest:
        total *= x
        total += coefficient
    return total


ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "gelu": gelu,
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "relu": relu,
}
"By the value of `hidden_act` in a model's config."
