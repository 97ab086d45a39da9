"""How a prompt is made to fit: dropping old messages, and the rule of the context window."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from hearth.engines.engine import Failed
from hearth.engines.protocol import ContextOverflow, Failure, Message

Render = Callable[[Sequence[Message]], str]


class Piece(NamedTuple):
    """A text to tokenise."""

    text: str
    is_plain: bool = False
    "What looks like a special token is none."
    is_start: bool = True
    "Nothing stands before it, so the model's leading token may be added."


class Prompt(NamedTuple):
    """A prompt as the model gets it."""

    ids: list[int]
    text: str | None
    "None where it was given as ids."


Prompting = Generator[Piece, list[int], Prompt]
"Yields texts to tokenise, is sent their ids, returns the prompt."

_REFUSED_CUTS_TRIED = 3  # templates that want turns to alternate accept every second cut


def whole_prompt(text: str) -> Prompting:
    """Tokenise a text as it is."""
    return Prompt((yield Piece(text)), text)


def pieced_prompt(pieces: Sequence[Piece]) -> Prompting:
    """Tokenise the pieces of a text one by one."""
    ids: list[int] = []
    for piece in pieces:
        ids += yield piece
    return Prompt(ids, "".join(piece.text for piece in pieces))


def truncated_prompt(messages: Sequence[Message], render: Render, limit: int) -> Prompting:
    """Drop as few of the oldest messages as needed for a prompt of at most `limit` tokens.

    System messages stay, and so does the last user message with all that follows it; where even
    that is longer, it is the result. A cut that the template refuses (some want a user message
    first) is passed over for the next one. Asks for about log2(messages) tokenisations.

    Raises:
        Failed: the template refuses the messages as they are.
    """
    whole = yield from whole_prompt(render(messages))
    if len(whole.ids) <= limit:
        return whole
    droppable = _droppable(messages)
    low, high = 1, len(droppable)
    fitting, shortest = None, whole
    while low <= high:
        middle = (low + high) // 2
        dropped, text = _next_accepted(messages, droppable, middle, render)
        if text is None:
            high = middle - 1
            continue
        cut = yield from whole_prompt(text)
        if len(cut.ids) <= limit:
            fitting, high = cut, middle - 1
        else:
            shortest, low = cut, dropped + 1
    return shortest if fitting is None else fitting


def completion_budget(
    prompt_tokens: int,
    max_tokens: int | None,
    *,
    window: int,
    overflow: ContextOverflow,
    param: str,
) -> int:
    """Return how many tokens may be generated.

    Args:
        window: tokens a sequence can hold, prompt and completion together.
        param: the request field that holds the prompt, to name it.

    Raises:
        Failed: the prompt fills the window, or `overflow` forbids lowering `max_tokens`.
    """
    room = window - prompt_tokens
    if room < 0 or (room == 0 and max_tokens != 0):
        raise _refused(
            f"The prompt has {prompt_tokens} tokens, which leaves nothing of the model's context "
            f"window of {window} tokens; shorten `{param}`.",
            param,
        )
    if max_tokens is None:
        return room
    if max_tokens > room and overflow == "error":
        raise _refused(
            f"The prompt has {prompt_tokens} tokens and max_tokens asks for {max_tokens} more, "
            f"over the model's context window of {window} tokens.",
            "max_tokens",
        )
    return min(max_tokens, room)


def _droppable(messages: Sequence[Message]) -> list[int]:
    """Return the places of the messages that may go, oldest first."""
    users = [place for place, message in enumerate(messages) if message.role == "user"]
    end = users[-1] if users else len(messages) - 1
    return [place for place in range(end) if messages[place].role not in {"system", "developer"}]


def _next_accepted(
    messages: Sequence[Message], droppable: Sequence[int], count: int, render: Render
) -> tuple[int, str | None]:
    """Drop `count` messages, or more until the template accepts; (dropped, text)."""
    last = min(count + _REFUSED_CUTS_TRIED, len(droppable))
    for dropped in range(count, last + 1):
        gone = set(droppable[:dropped])
        kept = [message for place, message in enumerate(messages) if place not in gone]
        try:
            return dropped, render(kept)
        except Failed:
            continue
    return count, None


def _refused(message: str, param: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=param))
