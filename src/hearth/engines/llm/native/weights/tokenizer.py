"""Texts to token ids with a model's own tokeniser, wherever it was read from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct
from tokenizers import AddedToken, Tokenizer

from hearth.engines.llm.vocabulary import TokenType, Vocabulary

_TAG = re.compile(r"<.+>|\[.+\]", re.DOTALL)
_NAMED = frozenset({TokenType.CONTROL, TokenType.UNKNOWN})


class TokenizerParts(Struct, frozen=True, kw_only=True):
    """What a tokeniser is made of."""

    tokenizer: Tokenizer
    "Finds added tokens in any text, and adds none of its own."
    vocabulary: Vocabulary
    types: list[int]
    "`TokenType` of each id."
    eos_ids: frozenset[int]
    adds_bos: bool
    "Prompts of this model begin with the leading token."
    spelled: Mapping[int, Sequence[int]] = {}
    "Ids that only the library knows: what each stands for."


class TextTokenizer:
    """A model's own tokeniser. It holds no state between calls, so threads may share it.

    Args:
        parts: what it is made of.
        size: rows of the model's embedding, which may be more than there are tokens.

    Attributes:
        pieces: bytes of each id below `size`; control tokens and those that pad are empty.
        names: each token as the tokeniser writes it.
        eos_ids: which end a text.
        bos_id: the model's leading token.
    """

    def __init__(self, parts: TokenizerParts, *, size: int) -> None:
        vocabulary = parts.vocabulary
        padding = max(size - len(vocabulary.pieces), 0)
        self.pieces = (vocabulary.pieces + [b""] * padding)[:size]
        self.names = (vocabulary.names + [""] * padding)[:size]
        self.bos_id = vocabulary.bos_id
        self.eos_ids = frozenset(token for token in parts.eos_ids if token < size)
        self._bos_name = vocabulary.name(vocabulary.bos_id)
        self._adds_bos = parts.adds_bos and vocabulary.bos_id is not None
        self._spelled = parts.spelled
        self._tokenizer = parts.tokenizer
        self._refused = _refused(parts)
        self._plain, renamed = self._without_refused()
        self._plain_spelled: Mapping[int, Sequence[int]] = {**parts.spelled, **renamed}
        names = sorted((n for n in self._refused.values() if len(n) > 1), key=len, reverse=True)
        self._cuts = re.compile("|".join(map(re.escape, names))) if names else None

    @property
    def vocabulary_size(self) -> int:
        """Ids are below this."""
        return len(self.pieces)

    def encode(self, text: str, *, special: bool, start: bool) -> list[int]:
        """Return the ids of a text; see `TokenEngine.tokenize`."""
        ids = _ids(self._tokenizer, self._spelled, text) if special else self._plain_ids(text)
        if start and self._adds_bos and not (special and self._has_bos(text)):
            assert self.bos_id is not None
            return [self.bos_id, *ids]
        return ids

    def _has_bos(self, text: str) -> bool:
        return bool(self._bos_name) and text.startswith(self._bos_name)

    def _plain_ids(self, text: str) -> list[int]:
        ids = _ids(self._plain, self._plain_spelled, text)
        if self._cuts is None or self._refused.keys().isdisjoint(ids):
            return ids
        cuts = [0, *(found.start() + 1 for found in self._cuts.finditer(text)), len(text)]
        parts = [text[start:end] for start, end in pairwise(cuts)]
        return [each for part in parts for each in _ids(self._plain, self._plain_spelled, part)]

    def _without_refused(self) -> tuple[Tokenizer, dict[int, Sequence[int]]]:
        """Make the tokeniser of plain text: the same model, without tokens that mean something.

        Added tokens that the model does not know get new ids in it, which are told too.
        """
        plain = Tokenizer(self._tokenizer.model)
        if self._tokenizer.normalizer is not None:
            plain.normalizer = self._tokenizer.normalizer
        if self._tokenizer.pre_tokenizer is not None:
            plain.pre_tokenizer = self._tokenizer.pre_tokenizer
        added: dict[int, AddedToken] = self._tokenizer.get_added_tokens_decoder()
        kept = {token: each for token, each in added.items() if token not in self._refused}
        plain.add_tokens(list(kept.values()))
        found = {token: plain.token_to_id(each.content) for token, each in kept.items()}
        return plain, {new: (token,) for token, new in found.items() if new is not None}


def _ids(tokenizer: Tokenizer, spelled: Mapping[int, Sequence[int]], text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    if spelled:
        return [each for token in ids for each in spelled.get(token, (token,))]
    return ids


def _refused(parts: TokenizerParts) -> dict[int, str]:
    """Return the tokens, by id, that plain text must not become: control tokens and tags."""
    names = parts.vocabulary.names
    return {
        token: name
        for token, (name, kind) in enumerate(zip(names, parts.types, strict=True))
        if kind in _NAMED or (kind == TokenType.USER_DEFINED and _TAG.fullmatch(name))
    }
