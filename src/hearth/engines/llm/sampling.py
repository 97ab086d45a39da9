"""Which sampling settings a request ends up with, and which requests are refused.

An engine's own defaults never leak: what a request leaves out comes from the model's metadata,
else from the Fireworks chat completions API.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from hearth.engines.engine import Failed
from hearth.engines.llm.gguf_metadata import MetadataValue
from hearth.engines.protocol import Capabilities, Failure, Sampling

API_DEFAULTS = Sampling(temperature=1.0, top_p=1.0, top_k=0, min_p=0.0, typical_p=1.0)
"""`top_k` 0 is off."""

_UNSET = Sampling()
_DEFAULTED = ("temperature", "top_p", "top_k", "min_p", "typical_p")
_METADATA_KEYS = {
    "temperature": "general.sampling.temp",
    "top_p": "general.sampling.top_p",
    "top_k": "general.sampling.top_k",
    "min_p": "general.sampling.min_p",
}

# What no engine can give a meaning to; engines tend to take such values without a word. The
# narrower bounds of the API are the gateway's.
_BOUNDS = {
    "temperature": (0.0, math.inf),
    "top_p": (0.0, 1.0),
    "top_k": (0, math.inf),
    "min_p": (0.0, 1.0),
    "typical_p": (0.0, 1.0),
    "frequency_penalty": (-math.inf, math.inf),
    "presence_penalty": (-math.inf, math.inf),
    "repetition_penalty": (math.ulp(0.0), math.inf),
    "mirostat_target": (0.0, math.inf),
    "mirostat_lr": (0.0, math.inf),
}


def model_defaults(metadata: Mapping[str, MetadataValue]) -> Sampling:
    """Return the defaults of a model: its metadata's where it has them, else the API's."""
    found: dict[str, int | float] = {}
    for field, key in _METADATA_KEYS.items():
        value = metadata.get(key)
        if isinstance(value, int | float) and _within(field, value):
            found[field] = int(value) if field == "top_k" else float(value)
    return msgspec.structs.replace(API_DEFAULTS, **found)


def resolved(sampling: Sampling, defaults: Sampling) -> Sampling:
    """Fill in what a request left to the model."""
    if sampling == _UNSET:
        return defaults
    missing = {
        field: getattr(defaults, field) for field in _DEFAULTED if getattr(sampling, field) is None
    }
    return msgspec.structs.replace(sampling, **missing)


def check_sampling(sampling: Sampling, capabilities: Capabilities, *, vocabulary_size: int) -> None:
    """Refuse what the engine would ignore or misread.

    Raises:
        Failed: a field is set that the engine does not honour, or is out of bounds.
    """
    if sampling == _UNSET:
        return
    for field in Sampling.__struct_fields__:
        value = getattr(sampling, field)
        if value == getattr(_UNSET, field):
            continue
        if field not in capabilities.sampling:
            raise _refused(f"The engine of this model does not support `{field}`.", field)
        if field != "logit_bias" and not _within(field, value):
            raise _refused(f"`{field}` cannot be {value}.", field)
    for token, bias in (sampling.logit_bias or {}).items():
        if not 0 <= token < vocabulary_size:
            raise _refused(
                f"Token {token} in `logit_bias` is not in the model's vocabulary of "
                f"{vocabulary_size} tokens.",
                "logit_bias",
            )
        if math.isnan(bias):
            raise _refused(f"The bias of token {token} is not a number.", "logit_bias")


def _within(field: str, value: float) -> bool:
    low, high = _BOUNDS[field]
    return math.isfinite(value) and low <= value <= high


def _refused(message: str, param: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=param))
