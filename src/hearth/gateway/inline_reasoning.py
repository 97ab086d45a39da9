"""Thinking kept in the text between `<think>` and `</think>`, where some clients look for it."""

from __future__ import annotations

from msgspec.structs import replace

from hearth.engines.protocol import Delta
from hearth.gateway.answers import ChoiceText

_OPEN, _CLOSE = "<think>", "</think>"


class InlineThinking:
    """The thinking of one choice while it is streamed."""

    __slots__ = ("_is_open",)

    def __init__(self) -> None:
        self._is_open = False

    def fold(self, delta: Delta) -> None:
        """Move a delta's thinking into its text."""
        more, lead = delta.more, ""
        if more is not None and more.reasoning:
            lead = more.reasoning if self._is_open else _OPEN + more.reasoning
            self._is_open = True
            delta.more = replace(more, reasoning="")
        is_over = bool(delta.text) or delta.finish_reason not in (None, "length")
        if self._is_open and (is_over or (more is not None and bool(more.tool_calls))):
            self._is_open = False
            lead += _CLOSE
        delta.text = lead + delta.text


def inlined(choice: ChoiceText) -> str:
    """The text of a whole choice with its thinking before it; thinking cut by length stays open."""
    if not choice.reasoning_pieces:
        return choice.text
    is_over = bool(choice.pieces or choice.tool_calls) or choice.finish_reason != "length"
    return f"{_OPEN}{choice.reasoning}{_CLOSE if is_over else ''}{choice.text}"
