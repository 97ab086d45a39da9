"""The prompts that are being made from text: tokenised piece by piece, by the runner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hearth.engines.llm.active import ActiveRequest, Choice
from hearth.engines.llm.truncate import Prompt, Prompting
from hearth.engines.llm.types import TokenEngine


@dataclass(frozen=True, slots=True, eq=False)
class Writing:
    """A prompt that is being made."""

    request: ActiveRequest
    prompting: Prompting
    choice: Choice | None = None
    "Whose thinking it continues; None: the prompt of the request."


class Writings:
    """All prompts of an engine that are being made.

    Args:
        keys: unused numbers for the runner.
    """

    def __init__(self, tokens: TokenEngine, keys: Iterator[int]) -> None:
        self._tokens = tokens
        self._keys = keys
        self._by_key: dict[int, Writing] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def advance(self, writing: Writing, ids: list[int] | None) -> Prompt | None:
        """Have the next text tokenised; return the prompt when there is none.

        Args:
            ids: of the text before; None at the start.

        Raises:
            Failed: the prompt is refused.
        """
        try:
            piece = next(writing.prompting) if ids is None else writing.prompting.send(ids)
        except StopIteration as ready:
            prompt: Prompt = ready.value
            return prompt
        key = next(self._keys)
        writing.request.text_keys.add(key)
        self._by_key[key] = writing
        self._tokens.tokenize(key, piece.text, special=not piece.is_plain, start=piece.is_start)
        return None

    def taken(self, key: int) -> Writing | None:
        """Return whose text has been tokenised; None where it is no longer wanted."""
        writing = self._by_key.pop(key, None)
        if writing is not None:
            writing.request.text_keys.discard(key)
        return writing

    def withdraw(self, active: ActiveRequest) -> None:
        """Forget the texts of a request."""
        for key in active.text_keys:
            del self._by_key[key]
            self._tokens.cancel(key)
        active.text_keys.clear()
