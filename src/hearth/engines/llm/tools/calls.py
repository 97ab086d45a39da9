"""What a parser has found: text and calls, gathered into pieces to send."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from typing import Any, TypeAlias

from hearth.engines.protocol import ToolCallDelta, ToolUse

Piece: TypeAlias = str | ToolCallDelta
MakeId: TypeAlias = Callable[[], str]

_SPACES = " \t\r\n"
_NO_HEAD = ("", "")


def new_call_id() -> str:
    """An id that clients recognise as a call's: `call_` and 24 random letters and digits."""
    return "call_" + base64.b32encode(os.urandom(15)).decode("ascii").lower()


class Calls:
    """Gathers pieces. White space before a call belongs to it, so it is held back.

    Args:
        tool_use: the functions that may be called. Any other name is no call: a client cannot run
            what it does not have, and as text it at least shows what the model meant.
        make_id: a new id for each call.
    """

    def __init__(self, tool_use: ToolUse, make_id: MakeId) -> None:
        self._tools = {tool.name: tool for tool in tool_use.tools}
        self._max_calls = None if tool_use.parallel else 1
        self._make_id = make_id
        self._index = -1
        self._has_text = False  # since the last call
        self._held = ""
        self._pieces: list[Piece] = []
        self._text: list[str] = []
        self._head = _NO_HEAD
        self._arguments: list[str] = []
        self.is_over = False

    @property
    def at_line_start(self) -> bool:
        """Only white space came before on this line, or since the last call."""
        return not self._has_text or "\n" in self._held

    def knows(self, name: str) -> bool:
        """Whether the name is one of the functions given."""
        return name in self._tools

    def parameters(self, name: str) -> dict[str, Any]:  # Any: a JSON Schema
        """The schema of a known function's arguments."""
        return self._tools[name].parameters

    def text(self, text: str) -> None:
        """Add text that is no part of a call."""
        body = text.rstrip(_SPACES)
        if not body:
            self._held += text
            return
        if self._end_call():
            return
        if self._held:
            self._text.append(self._held)
        self._text.append(body)
        self._has_text = True
        self._held = text[len(body) :]

    def begin(self, name: str) -> None:
        """A call of a known function begins."""
        if self._end_call():
            return
        self._flush()
        self._held = ""
        self._has_text = False
        self._index += 1
        self._head = (self._make_id(), name)

    def arguments(self, text: str) -> None:
        """Add to the arguments of the last call."""
        if text and not self.is_over:
            self._arguments.append(text)

    def take(self) -> list[Piece]:
        """Return what is there to send."""
        if not self._pieces and not self._arguments and self._head is _NO_HEAD:
            if not self._text:
                return []
            text = "".join(self._text)
            self._text.clear()
            return [text]
        self._flush()
        pieces, self._pieces = self._pieces, []
        return pieces

    def end(self) -> list[Piece]:
        """Return the last pieces; white space after a call is dropped."""
        if self._held and (self._has_text or self._index < 0):
            self._text.append(self._held)
        self._held = ""
        return self.take()

    def _end_call(self) -> bool:
        """Whether nothing may follow: a turn of one call ends with it."""
        if self._max_calls is not None and self._index + 1 >= self._max_calls:
            self.is_over = True
        elif self._arguments or self._head is not _NO_HEAD:
            self._flush()
        return self.is_over

    def _flush(self) -> None:
        if self._text:
            self._pieces.append("".join(self._text))
            self._text.clear()
        if self._arguments or self._head is not _NO_HEAD:
            written = "".join(self._arguments)
            self._pieces.append(ToolCallDelta(self._index, *self._head, written))
            self._arguments.clear()
            self._head = _NO_HEAD
