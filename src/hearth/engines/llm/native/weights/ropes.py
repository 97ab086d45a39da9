"""Rotary frequencies from a config, in either form that transformers has written.

Computed in float32 in the order of transformers' `modeling_rope_utils`, since far positions make
the smallest difference of a frequency visible.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hearth.engines.llm.native.architecture import Rope
from hearth.engines.llm.native.weights.fields import Fields
from hearth.errors import SetupError

Frequencies = NDArray[np.float32]

DEFAULT_THETA = 10_000.0
_MOST_TOKENS = 1 << 30


def rope_parameters(config: Fields) -> Fields:
    """Return the parameters of a config with one kind of rotation, as transformers 5 writes them.

    Before, `rope_theta` stood beside `rope_scaling`.
    """
    name = "rope_scaling" if config.get("rope_scaling") else "rope_parameters"
    own = config.part(name)
    for key, value in own.values.items():
        if isinstance(value, dict):
            raise own.wrong(key, "absent: the layers of this family rotate alike")
    beside = ("rope_theta", "partial_rotary_factor")
    outer = {each: config.get(each) for each in beside if config.get(each) is not None}
    return Fields({**outer, **own.values}, own.where)


def read_rope(parameters: Fields, config: Fields, head_dim: int) -> Rope:
    """Compute the frequencies.

    Args:
        parameters: of this rotation.
        config: of the model, for the length it was trained on.
        head_dim: dimensions that are rotated.

    Raises:
        SetupError: the kind is not supported, or a parameter is missing or makes no sense.
    """
    if parameters.number("partial_rotary_factor", default=1.0) != 1.0:
        raise parameters.wrong("partial_rotary_factor", "1, as no engine here rotates a part")
    kind = parameters.text("rope_type") or parameters.text("type") or "default"
    if kind not in _KINDS:
        raise SetupError(
            f"{parameters.where} asks for rotary embeddings of the kind {kind}, which the engine "
            f"native does not have; known: {', '.join(_KINDS)}."
        )
    theta = parameters.number("rope_theta", default=DEFAULT_THETA)
    if theta <= 1:
        raise parameters.wrong("rope_theta", "above 1")
    return _KINDS[kind](_plain(theta, head_dim), parameters, config)


def _plain(theta: float, head_dim: int) -> Frequencies:
    """1 / theta^(2i/d) (Su et al., 2021)."""
    exponents = np.arange(0, head_dim, 2, dtype=np.float32) / np.float32(head_dim)
    powers: Frequencies = np.float32(theta) ** exponents
    return np.float32(1) / powers


def _rope(frequencies: Frequencies, attention_factor: float = 1.0) -> Rope:
    return Rope(tuple(frequencies.astype(np.float32).tolist()), attention_factor)


def _default(frequencies: Frequencies, _parameters: Fields, _config: Fields) -> Rope:
    return _rope(frequencies)


def _linear(frequencies: Frequencies, parameters: Fields, _config: Fields) -> Rope:
    """Positions are closer together (Chen et al., 2023)."""
    return _rope(frequencies / np.float32(parameters.number("factor")))


def _llama3(frequencies: Frequencies, parameters: Fields, config: Fields) -> Rope:
    """Slow rotations are slowed further, with a ramp between (Llama 3.1)."""
    factor = parameters.number("factor")
    low = parameters.number("low_freq_factor")
    high = parameters.number("high_freq_factor")
    if high <= low:
        raise parameters.wrong("high_freq_factor", "above low_freq_factor")
    original = _original_tokens(parameters, config)
    wavelengths = np.float32(2 * math.pi) / frequencies
    ramp = (np.float32(original) / wavelengths - np.float32(low)) / np.float32(high - low)
    slowed = frequencies / np.float32(factor)
    between = (1 - ramp) * slowed + ramp * frequencies
    scaled = np.where(wavelengths > original / low, slowed, between)
    return _rope(np.where(wavelengths < original / high, frequencies, scaled))


def _yarn(frequencies: Frequencies, parameters: Fields, config: Fields) -> Rope:
    """Interpolated below a band of rotations, kept above it (YaRN; Peng et al., 2023)."""
    original = _original_tokens(parameters, config)
    context = config.count("max_position_embeddings", _MOST_TOKENS)
    factor = parameters.number("factor", default=context / original)
    theta = parameters.number("rope_theta", default=DEFAULT_THETA)
    dimensions = 2 * len(frequencies)

    def bound(rotations: float) -> float:
        ratio = math.log(original / (rotations * 2 * math.pi))
        return dimensions * ratio / (2 * math.log(theta))

    low = bound(parameters.number("beta_fast", default=32.0))
    high = bound(parameters.number("beta_slow", default=1.0))
    if parameters.flag("truncate", default=True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dimensions - 1)
    width = high - low or 0.001
    places = np.arange(len(frequencies), dtype=np.float32)
    ramp = np.clip((places - np.float32(low)) / np.float32(width), 0, 1)
    scaled = frequencies / np.float32(factor) * ramp + frequencies * (1 - ramp)
    return _rope(scaled, _yarn_attention(parameters, factor))


def _yarn_attention(parameters: Fields, factor: float) -> float:
    def magnitude(scale: float) -> float:
        return 1.0 if factor <= 1 else 0.1 * scale * math.log(factor) + 1.0

    if parameters.get("attention_factor") is not None:
        return parameters.number("attention_factor")
    if parameters.get("mscale") and parameters.get("mscale_all_dim"):
        all_dim = magnitude(parameters.number("mscale_all_dim"))
        return magnitude(parameters.number("mscale")) / all_dim
    return magnitude(1.0)


def _original_tokens(parameters: Fields, config: Fields) -> int:
    name = "original_max_position_embeddings"
    context = config.count("max_position_embeddings", _MOST_TOKENS)
    inside = parameters.count(name, _MOST_TOKENS, default=context)
    return config.count(name, _MOST_TOKENS, default=inside)


_KINDS: dict[str, Callable[[Frequencies, Fields, Fields], Rope]] = {
    "default": _default,
    "linear": _linear,
    "llama3": _llama3,
    "yarn": _yarn,
}
