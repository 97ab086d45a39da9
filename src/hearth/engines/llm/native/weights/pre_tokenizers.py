"""How byte-level tokenisers of GGUF files cut a text before they merge, by `tokenizer.ggml.pre`.

The expressions are those of llama.cpp's `llama-vocab.cpp`, which come from the models' own
`tokenizer.json`; what they leave between matches is a piece too.
"""

from __future__ import annotations

from msgspec import Struct
from tokenizers import Regex, pre_tokenizers

from hearth.errors import SetupError

_CONTRACTIONS = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3 = _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + _REST
_QWEN2 = _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + _REST
_DEFAULT = (r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", "[0-9][0-9][0-9]")
_TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class PreTokenizer(Struct, frozen=True):
    """One way to cut."""

    expressions: tuple[str, ...]
    "Applied one after the other, each to the pieces of the one before."
    ignores_merges: bool = False
    "A piece that is a token as a whole is not merged anew."
    adds_bos: bool = False
    "Where the file does not say."


_LLAMA_BPE = PreTokenizer((_LLAMA3,), ignores_merges=True, adds_bos=True)
_BY_NAME = {
    "default": PreTokenizer(_DEFAULT),
    "gpt-2": PreTokenizer((_GPT2,)),
    "smollm": PreTokenizer((r"\p{N}", _GPT2)),
    "llama-bpe": _LLAMA_BPE,
    "llama3": _LLAMA_BPE,
    "llama-v3": _LLAMA_BPE,
    "smaug-bpe": PreTokenizer((_LLAMA3,)),
    "qwen2": PreTokenizer((_QWEN2,)),
    "deepseek-r1-qwen": PreTokenizer((_QWEN2,)),
    "tekken": PreTokenizer((_TEKKEN,), ignores_merges=True, adds_bos=True),
}


def pre_tokenizer(name: str, where: str) -> PreTokenizer:
    """Return how to cut.

    Raises:
        SetupError: the name is unknown; another way would give other tokens.
    """
    if name not in _BY_NAME:
        raise SetupError(
            f"{where} cuts texts by {name!r}, which the engine native does not know; known: "
            f"{', '.join(_BY_NAME)}."
        )
    return _BY_NAME[name]


def splitter(how: PreTokenizer) -> pre_tokenizers.PreTokenizer:
    """Make it for the library."""
    splits = [pre_tokenizers.Split(Regex(each), "isolated") for each in how.expressions]
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([*splits, byte_level])
