"""A tokeniser from the metadata of a GGUF file, that gives the ids that llama.cpp gives.

Two families: byte-level BPE with merges (`gpt2`), and SentencePiece's BPE with scores (`llama`),
which merges whatever pair makes the token of the highest score.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tokenizers import AddedToken, Tokenizer, models, normalizers

from hearth.engines.llm.gguf_metadata import MetadataValue
from hearth.engines.llm.native.weights.pre_tokenizers import pre_tokenizer, splitter
from hearth.engines.llm.native.weights.tokenizer import TokenizerParts
from hearth.engines.llm.vocabulary import TokenType, read_vocabulary
from hearth.errors import SetupError

_BYTE = re.compile("<0x[0-9A-F]{2}>")
_SPACE = "\u2581"
_ADDED = frozenset({TokenType.CONTROL, TokenType.USER_DEFINED, TokenType.UNKNOWN})
_ENDS = frozenset(
    {
        "<|eot_id|>",
        "<|im_end|>",
        "<|end|>",
        "<end_of_turn>",
        "<|endoftext|>",
        "<|eom_id|>",
        "<EOT>",
        "_<EOT>",
        "<|end_of_text|>",
        "<end_of_utterance>",
    }
)
"Tokens that llama.cpp knows to end a text by their name, as files often tell only one."


def gguf_tokenizer(
    metadata: Mapping[str, MetadataValue], merges: Sequence[str], where: str
) -> TokenizerParts:
    """Build the tokeniser.

    Args:
        metadata: of the file.
        merges: of the file, as text.
        where: what it is, for messages.

    Raises:
        SetupError: it is of a family or a kind that is not known, or contradicts itself.
    """
    types = _types(metadata, where)
    vocabulary = read_vocabulary(metadata)
    names = vocabulary.names
    model = str(metadata.get("tokenizer.ggml.model"))
    spelled: dict[int, Sequence[int]] = {}
    if model == "llama":
        scores = _scores(metadata, len(names), where)
        tokenizer, spelled = _sentencepiece(names, types, scores)
        if metadata.get("tokenizer.ggml.add_space_prefix", True):
            both = [normalizers.Prepend(_SPACE), normalizers.Replace(" ", _SPACE)]
            tokenizer.normalizer = normalizers.Sequence(both)
        adds_bos = True
    else:
        how = pre_tokenizer(str(metadata.get("tokenizer.ggml.pre", "default")), where)
        tokenizer = Tokenizer(_byte_level(names, merges, ignores_merges=how.ignores_merges))
        tokenizer.pre_tokenizer = splitter(how)
        adds_bos = how.adds_bos
    tokenizer.add_tokens(_added(names, types))
    return TokenizerParts(
        tokenizer=tokenizer,
        vocabulary=vocabulary,
        types=types,
        eos_ids=_eos_ids(metadata, names),
        adds_bos=bool(metadata.get("tokenizer.ggml.add_bos_token", adds_bos)),
        spelled=spelled,
    )


def _types(metadata: Mapping[str, MetadataValue], where: str) -> list[int]:
    """Return the type of each token, after a look at whether the names fit."""
    names, types = (metadata.get(f"tokenizer.ggml.{each}") for each in ("tokens", "token_type"))
    if not isinstance(names, list):
        return []  # which `read_vocabulary` refuses
    if types is None:
        return [TokenType.NORMAL] * len(names)
    numbers = [kind for kind in types if isinstance(kind, int)] if isinstance(types, list) else []
    if len(numbers) != len(names):
        raise SetupError(f"{where} has no type for each token of its tokeniser; fetch it again.")
    is_sentencepiece = metadata.get("tokenizer.ggml.model") == "llama"
    for name, kind in zip(names, numbers, strict=True):
        if is_sentencepiece and kind == TokenType.BYTE and not _BYTE.fullmatch(str(name)):
            raise SetupError(f"{where} has the token {name!r}, which is no byte; fetch it again.")
    return numbers


def _scores(metadata: Mapping[str, MetadataValue], size: int, where: str) -> list[float]:
    scores = metadata.get("tokenizer.ggml.scores")
    if not isinstance(scores, list) or len(scores) != size:
        raise SetupError(f"{where} has no score for each token of its tokeniser; fetch it again.")
    return [each if isinstance(each, float) else 0.0 for each in scores]


def _added(names: list[str], types: list[int]) -> list[AddedToken]:
    return [
        AddedToken(name, special=kind != TokenType.USER_DEFINED, normalized=False)
        for name, kind in zip(names, types, strict=True)
        if kind in _ADDED and name
    ]


def _eos_ids(metadata: Mapping[str, MetadataValue], names: list[str]) -> frozenset[int]:
    told = [metadata.get(f"tokenizer.ggml.{which}_token_id") for which in ("eos", "eot", "eom")]
    known = {each for each in told if isinstance(each, int) and 0 <= each < len(names)}
    return frozenset(known | {token for token, name in enumerate(names) if name in _ENDS})


def _byte_level(names: list[str], merges: Sequence[str], *, ignores_merges: bool) -> models.BPE:
    vocabulary = {name: token for token, name in reversed(list(enumerate(names)))}
    pairs = []
    for merge in merges:
        left, _, right = merge.partition(" ")
        if left in vocabulary and right in vocabulary and left + right in vocabulary:
            pairs.append((left, right))
    return models.BPE(vocabulary, pairs, ignore_merges=ignores_merges)


def _sentencepiece(
    names: list[str], types: list[int], scores: list[float]
) -> tuple[Tokenizer, dict[int, Sequence[int]]]:
    """Return the tokeniser, and the ids that it alone knows, spelled in bytes.

    Characters that are no token can still be part of one, so they get ids to be merged from.
    """
    vocabulary = {name: token for token, name in reversed(list(enumerate(names)))}
    normal = [n for n, kind in zip(names, types, strict=True) if kind == TokenType.NORMAL and n]
    missing = sorted({c for name in normal for c in name} - vocabulary.keys())
    spelled: dict[int, Sequence[int]] = {}
    unknown = next((n for n, kind in enumerate(types) if kind == TokenType.UNKNOWN), None)
    for token, character in enumerate(missing, len(names)):
        in_bytes = [vocabulary.get(f"<0x{byte:02X}>", unknown) for byte in character.encode()]
        spelled[token] = [each for each in in_bytes if each is not None]
        vocabulary[character] = token
    model = models.BPE(
        vocabulary,
        _merges(normal, vocabulary, scores),
        unk_token=None if unknown is None else names[unknown],
        fuse_unk=True,
        byte_fallback=True,
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", _SPACE)
    return tokenizer, spelled


def _merges(
    normal: list[str], vocabulary: Mapping[str, int], scores: list[float]
) -> list[tuple[str, str]]:
    """Return every pair of tokens that makes a third, the highest score first.

    Where scores are equal, llama.cpp takes the pair further left in the text; here it is the token
    with the lower id, which differs only where a tokeniser has equal scores.
    """
    usable = set(normal) | {name for name in vocabulary if len(name) == 1}
    ranked = []
    for name in normal:
        token = vocabulary[name]
        for cut in range(1, len(name)):
            left, right = name[:cut], name[cut:]
            if left in usable and right in usable:
                pair = (vocabulary[left], vocabulary[right])
                ranked.append((-scores[token], token, pair, (left, right)))
    ranked.sort()
    return [pair for *_, pair in ranked]
