"""Texts to token ids as an encoder wants them, and the other way an input can come: as ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from hearth.engines.embedding.types import Tokens
from hearth.errors import SetupError


class TextTokenizer:
    """A model's own tokenizer.

    Args:
        path: its `tokenizer.json`.
        max_tokens: of one input, the special tokens included.

    Raises:
        SetupError: the file is missing or broken.
    """

    def __init__(self, path: Path, *, max_tokens: int, lower_case: bool, prompt: str) -> None:
        if not path.is_file():
            raise SetupError(f"{path} is not here; the engine needs the model's tokenizer.json.")
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # noqa: BLE001  the library raises nothing more precise
            raise SetupError(f"{path} cannot be used: {error}.") from None
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._lower_case = lower_case
        self._prompt = prompt
        self._before, self._after = self._specials()
        self._max_own = max_tokens - len(self._before) - len(self._after)

    def of_texts(self, texts: Sequence[str]) -> list[Tokens]:
        """See `Tokenizing.of_texts`."""
        prompted = [self._prompt + text for text in texts]
        if self._lower_case:
            prompted = [text.lower() for text in prompted]
        encodings = self._tokenizer.encode_batch_fast(prompted, add_special_tokens=False)
        return [self._framed(encoding.ids) for encoding in encodings]

    def of_ids(self, ids: Sequence[int]) -> Tokens:
        """See `Tokenizing.of_ids`."""
        own = list(ids)
        before, after = self._before, self._after
        has_before = own[: len(before)] == before
        if before and has_before and own[len(own) - len(after) :] == after:
            own = own[len(before) : len(own) - len(after)]
        return self._framed(own)

    def _framed(self, own: list[int]) -> Tokens:
        kept = own[: self._max_own]
        return Tokens([*self._before, *kept, *self._after], len(kept) < len(own))

    def _specials(self) -> tuple[list[int], list[int]]:
        """The special tokens that the model wants before and after a text."""
        own = self._tokenizer.encode("a", add_special_tokens=False).ids
        framed = self._tokenizer.encode("a").ids
        for start in range(len(framed) - len(own) + 1):
            if framed[start : start + len(own)] == own:
                return framed[:start], framed[start + len(own) :]
        raise SetupError("The tokenizer changes a text when it adds its special tokens.")
