"""Precisions by the names of deployments, and the forms of weights that they are here."""

from __future__ import annotations

from collections.abc import Mapping

from hearth.catalog import Form, Weights
from hearth.errors import InvalidRequest

FORMS: Mapping[str, Form] = {"FP16": "F16", "INT8": "Q8_0", "INT4": "Q4_0"}
"What `:prepare` can make: GGUF, by the name of its precision."

_EXACT = {
    "F32": "FP32",
    "F16": "FP16",
    "BF16": "BF16",
    "F8_E4M3": "FP8",
    "F8_E5M2": "FP8",
    "MXFP4": "FP4_MX_MOE",
}
_BY_BITS = {"2": "INT2", "3": "INT3", "4": "INT4", "5": "INT5", "6": "INT6", "8": "INT8"}


def precision_of(quantisation: str) -> str:
    """The precision of an element type, such as Q4_1 or BF16; empty where there is no name."""
    if quantisation in _EXACT:
        return _EXACT[quantisation]
    digit = next((each for each in quantisation if each.isdigit()), "")
    return _BY_BITS.get(digit, "") if "Q" in quantisation else ""


def form_of(precision: str) -> Form:
    """The form that a precision stands for here.

    Raises:
        InvalidRequest: no engine here has kernels for it.
    """
    name = precision.upper().removeprefix("PRECISION_")
    if name == "BF16":
        name = "FP16"  # llama.cpp on a CPU computes both in float32
    if name not in FORMS:
        raise InvalidRequest(
            f"precision: no engine here runs {precision[:40]!r}; weights can be prepared as "
            f"{', '.join(FORMS)}.",
            param="precision",
        )
    return FORMS[name]


def can_prepare(weights: Weights | None) -> bool:
    """Whether forms can be made of these weights: of one GGUF file, of a model rather than an
    adapter.
    """
    if weights is None or weights.format != "gguf" or weights.inspection.type == "adapter":
        return False
    return sum(file.path.endswith(".gguf") for file in weights.manifest.files) == 1
