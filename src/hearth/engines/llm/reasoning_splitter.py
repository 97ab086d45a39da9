"""Tells thinking from the answer in the text of a model that writes `<think>…</think>`."""

from __future__ import annotations

from typing import Literal

OPENING = "<think>"
CLOSING = "</think>"

Stage = Literal["undecided", "thinking", "answering"]


class ReasoningSplitter:
    """Splits one text, given piece by piece; the result does not depend on how it was cut.

    Only thinking that the text starts with counts, so an answer may speak of the tags. The white
    space around thinking is dropped.

    Args:
        is_open: the prompt has opened the tag already.
    """

    def __init__(self, *, is_open: bool) -> None:
        self.stage: Stage = "thinking" if is_open else "undecided"
        self._held = ""
        self._is_blank = True
        "Of the part that is being read, nothing but white space has come."

    def push(self, text: str) -> tuple[str, str]:
        """Add a piece; return the thinking and the answer that can be told now."""
        if self.stage == "answering" and not self._is_blank:
            return "", text
        self._held += text
        if self.stage == "undecided":
            self._decide()
        thinking = self._take_thinking() if self.stage == "thinking" else ""
        return thinking, self._take_answer() if self.stage == "answering" else ""

    def close(self) -> str:
        """Go on with the answer, the tag being closed for the model; return what was held back."""
        thinking, _ = self.end()
        self.stage, self._held, self._is_blank = "answering", "", True
        return thinking

    def end(self) -> tuple[str, str]:
        """Return what was held back: the text is over."""
        held, self._held = self._held, ""
        if self.stage == "thinking":
            return held.rstrip(), ""
        return "", held if self.stage == "undecided" else ""

    def _decide(self) -> None:
        body = self._held.lstrip()
        if body.startswith(OPENING):
            self.stage, self._held = "thinking", body[len(OPENING) :]
        elif not OPENING.startswith(body):
            self.stage, self._is_blank = "answering", False

    def _take_thinking(self) -> str:
        if self._is_blank:
            self._held = self._held.lstrip()
        at = self._held.find(CLOSING)
        if at >= 0:
            thinking = self._held[:at].rstrip()
            self._held = self._held[at + len(CLOSING) :]
            self.stage, self._is_blank = "answering", True
            return thinking
        thinking = self._held[: _possible_closing(self._held)].rstrip()
        self._held = self._held[len(thinking) :]
        self._is_blank = self._is_blank and not thinking
        return thinking

    def _take_answer(self) -> str:
        answer = self._held.lstrip() if self._is_blank else self._held
        self._held = ""
        self._is_blank = self._is_blank and not answer
        return answer


def _possible_closing(text: str) -> int:
    """Return where the longest end of the text that could begin the closing tag starts."""
    for length in range(min(len(text), len(CLOSING) - 1), 0, -1):
        if CLOSING.startswith(text[-length:]):
            return len(text) - length
    return len(text)
