"""Markers of calls that are special tokens, whose text a runner does not tell unless asked to."""

from __future__ import annotations

from hearth.engines.llm.tools import deepseek, generic, hermes, llama, mistral
from hearth.engines.llm.tools.family import CallFormat, ToolFamily

_PARTS = ("calls{0}begin", "calls{0}end", "call{0}begin", "call{0}end", "sep")

_MARKERS: dict[CallFormat, tuple[str, ...]] = {
    CallFormat.HERMES: (hermes.OPEN, hermes.CLOSE),
    CallFormat.LLAMA: (llama.TAG,),
    CallFormat.MISTRAL: (mistral.OPEN, "[CALL_ID]", "[ARGS]"),
    CallFormat.DEEPSEEK: tuple(
        f"<{deepseek.BAR}tool{deepseek.GAP}{part.format(deepseek.GAP)}{deepseek.BAR}>"
        for part in _PARTS
    ),
    CallFormat.TAGGED: (hermes.OPEN, hermes.CLOSE),
    CallFormat.JSON: generic.MARKERS,
}


def marker_tokens(family: ToolFamily) -> tuple[str, ...]:
    """Return the markers that may be tokens of their own in models of this family."""
    return _MARKERS[family.format]
