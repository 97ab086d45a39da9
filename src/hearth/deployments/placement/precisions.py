"""How many bits a parameter and a cached value take in each precision, and how names are spelt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Final

from hearth.deployments.placement.accelerators import COMPUTES_FP8
from hearth.deployments.placement.types import AcceleratorType, Precision
from hearth.errors import InvalidRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Bits:
    """What one value takes, the scales of its block included."""

    weight: Fraction
    cache: int = 16


_FP8 = 8 + Fraction(32, 128 * 128)
"An FP32 scale per 128 x 128 block: DeepSeek-V3 technical report, section 3.3."
_NVFP4 = 4 + Fraction(8, 16)
"An FP8 scale per 16 values: NVIDIA, Introducing NVFP4."
_MXFP4 = 4 + Fraction(8, 32)
"A scale of 8 bits per 32 values: OCP Microscaling Formats (MX) specification 1.0."
_NF4 = 4 + Fraction(127, 1000)
"Blocks of 64 with double quantisation: QLoRA, arXiv 2305.14314, section 3."
_Q8_0 = 8 + Fraction(16, 32)
_Q4_0 = 4 + Fraction(16, 32)
"An FP16 scale per 32 values: llama.cpp, ggml-common.h."

BITS: Final[dict[Precision, Bits]] = {
    Precision.FP16: Bits(weight=Fraction(16)),
    Precision.BF16: Bits(weight=Fraction(16)),
    Precision.FP8: Bits(weight=_FP8),
    Precision.FP8_MM: Bits(weight=_FP8),
    Precision.FP8_AR: Bits(weight=_FP8),
    Precision.FP8_MM_KV_ATTN: Bits(weight=_FP8, cache=8),
    Precision.FP8_KV: Bits(weight=_FP8, cache=8),
    Precision.FP8_MM_V2: Bits(weight=_FP8),
    Precision.FP8_V2: Bits(weight=_FP8),
    Precision.FP8_MM_KV_ATTN_V2: Bits(weight=_FP8, cache=8),
    Precision.NF4: Bits(weight=_NF4),
    Precision.FP4: Bits(weight=_NVFP4),
    Precision.FP4_BLOCKSCALED_MM: Bits(weight=_NVFP4),
    Precision.FP4_MX_MOE: Bits(weight=_MXFP4),
    Precision.INT8: Bits(weight=_Q8_0),
    Precision.INT4: Bits(weight=_Q4_0),
}
"The cache has 8 bits where the contract's name says so, 16 otherwise."

_SPELLINGS = {re.sub(r"[^a-z0-9]", "", name.value.lower()): name for name in Precision} | {
    "bfloat16": Precision.BF16,
    "float16": Precision.FP16,
    "half": Precision.FP16,
    "q80": Precision.INT8,
    "q40": Precision.INT4,
}


def parse_precision(text: str) -> Precision:
    """The precision that a name means: `fp8`, `FP8_MM`, `bfloat16`, `fp8-kv`.

    Raises:
        InvalidRequest: there is none of that name; `param` is `precision`.
    """
    key = re.sub(r"[^a-z0-9]", "", text.lower())
    found = _SPELLINGS.get(key)
    if found is not None:
        return found
    close = get_close_matches(key, _SPELLINGS, n=1, cutoff=0.5)
    meant = f" Did you mean `{_SPELLINGS[close[0]].lower()}`?" if close else ""
    known = ", ".join(name.lower() for name in Precision)
    raise InvalidRequest(
        f"There is no precision {text!r}.{meant} Known are {known}.", param="precision"
    )


def default_precision(accelerator: AcceleratorType) -> Precision:
    """What is used where none is asked for: FP8 where the accelerator computes in it, else BF16."""
    return Precision.FP8 if accelerator in COMPUTES_FP8 else Precision.BF16
