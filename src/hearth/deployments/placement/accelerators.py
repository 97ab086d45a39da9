"""What is known of each kind of accelerator, and every way its name is spelt."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import Final

from hearth.deployments.placement.types import AcceleratorType
from hearth.errors import InvalidRequest

GB: Final = 10**9
"Decimal, as the names of accelerators count; what a card has above its name is left as spare."

COMPUTES_FP8: Final = frozenset(
    {
        AcceleratorType.NVIDIA_H100_80GB,
        AcceleratorType.NVIDIA_H200_141GB,
        AcceleratorType.NVIDIA_B200_180GB,
        AcceleratorType.NVIDIA_B300_288GB,
        AcceleratorType.NVIDIA_L4_24GB,
        AcceleratorType.AMD_MI300X_192GB,
        AcceleratorType.AMD_MI325X_256GB,
        AcceleratorType.AMD_MI350X_288GB,
    }
)
"""Those with FP8 arithmetic: NVIDIA's Ada, Hopper and Blackwell (Transformer Engine documentation),
AMD's CDNA 3 and 4 (ROCm precision support page)."""

_NAME = re.compile(r"(?:NVIDIA|AMD)_(?P<chip>[A-Z0-9]+)_(?P<gb>\d+)GB")
_WORD = re.compile(r"[a-z0-9]+")
_VENDORS = {"nvidia", "amd", "tesla", "instinct"}
_PREFERRED = {"a100": AcceleratorType.NVIDIA_A100_80GB}
"What a name without its memory means, where there is more than one."


def memory_bytes(accelerator: AcceleratorType) -> int:
    """Of one accelerator, as its name says; 0 of a CPU, whose memory is the machine's."""
    match = _NAME.fullmatch(accelerator)
    return int(match["gb"]) * GB if match else 0


def short_name(accelerator: AcceleratorType) -> str:
    """As people say it: `h100`, and `a100-40gb` where the memory must be said."""
    return _short_names()[accelerator]


def parse_accelerator(text: str) -> AcceleratorType:
    """The kind that a name means: `h100`, `H100-80GB`, `nvidia_h100_80gb`, `NVIDIA H100 80GB`.

    Raises:
        InvalidRequest: no kind is called so; `param` is `acceleratorType`.
    """
    known = _spellings()
    words = [word for word in _WORD.findall(text.lower()) if word not in _VENDORS]
    found = known.get("-".join(words))
    if found is not None:
        return found
    names = sorted(set(_short_names().values()))
    close = get_close_matches("-".join(words), known, n=1, cutoff=0.5)
    meant = f" Did you mean `{_short_names()[known[close[0]]]}`?" if close else ""
    raise InvalidRequest(
        f"There is no accelerator {text!r}.{meant} Known are {', '.join(names)}.",
        param="acceleratorType",
    )


@cache
def _spellings() -> dict[str, AcceleratorType]:
    """Names without vendor, lower case, parts joined by hyphens."""
    spelt: dict[str, AcceleratorType] = {}
    for kind in AcceleratorType:
        match = _NAME.fullmatch(kind)
        if match is None:
            spelt[kind.lower()] = kind
            continue
        chip = match["chip"].lower()
        spelt[f"{chip}-{match['gb']}gb"] = kind
        spelt[chip] = _PREFERRED.get(chip, kind)
    return spelt


@cache
def _short_names() -> dict[AcceleratorType, str]:
    """The shortest spelling of each kind."""
    longest_first = sorted(_spellings().items(), key=lambda item: -len(item[0]))
    return {kind: name for name, kind in longest_first}
