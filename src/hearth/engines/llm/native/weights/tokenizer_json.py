"""The tokeniser of a folder as transformers saves it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tokenizers import AddedToken, Tokenizer

from hearth.engines.llm.gguf_metadata import MetadataValue
from hearth.engines.llm.native.weights.fields import Fields, read_object
from hearth.engines.llm.native.weights.tokenizer import TokenizerParts
from hearth.engines.llm.vocabulary import TokenType, read_vocabulary
from hearth.errors import SetupError

_BYTE_NAMES = frozenset(f"<0x{byte:02X}>" for byte in range(256))
_MAX_TOKENS = 1 << 24


def folder_tokenizer(folder: Path) -> TokenizerParts:
    """Read the tokeniser.

    Raises:
        SetupError: `tokenizer.json` is missing or broken, or of a family we cannot decode.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise SetupError(f"{path} is not here; the engine needs the model's tokenizer.json.")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001  the library raises nothing more precise
        raise SetupError(f"{path} cannot be used: {error}.") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    settings = read_object(folder / "tokenizer_config.json") or {}
    names, types = _names_and_types(tokenizer, path)
    bos = tokenizer.token_to_id(token_text(settings, "bos_token"))
    as_gguf: dict[str, MetadataValue] = {
        "tokenizer.ggml.model": _family(tokenizer, path),
        "tokenizer.ggml.tokens": list(names),
        "tokenizer.ggml.token_type": list(types),
    }
    if bos is not None:
        as_gguf["tokenizer.ggml.bos_token_id"] = bos
    vocabulary = read_vocabulary(as_gguf)
    return TokenizerParts(
        tokenizer=tokenizer,
        vocabulary=vocabulary,
        types=types,
        eos_ids=_eos_ids(folder, tokenizer, settings),
        adds_bos=_adds_bos(tokenizer, settings, bos),
    )


def token_text(settings: Mapping[str, object], name: str) -> str:
    """Return the text of a special token in `tokenizer_config.json`; empty where it has none."""
    value = settings.get(name)
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else ""


def _names_and_types(tokenizer: Tokenizer, path: Path) -> tuple[list[str], list[int]]:
    ids: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    size = max(ids.values(), default=-1) + 1
    if not 0 < size <= _MAX_TOKENS:
        raise SetupError(f"{path} cannot be used: its vocabulary has {size} tokens.")
    names, types = [""] * size, [int(TokenType.UNUSED)] * size
    is_byte_level = _family(tokenizer, path) == "gpt2"
    for name, token in ids.items():
        names[token] = name
        is_byte = not is_byte_level and name in _BYTE_NAMES
        types[token] = TokenType.BYTE if is_byte else TokenType.NORMAL
    unknown = ids.get(getattr(tokenizer.model, "unk_token", None) or "")
    if unknown is not None:
        types[unknown] = TokenType.UNKNOWN
    added: dict[int, AddedToken] = tokenizer.get_added_tokens_decoder()
    for token, each in added.items():
        types[token] = TokenType.CONTROL if each.special else TokenType.USER_DEFINED
    return names, types


def _family(tokenizer: Tokenizer, path: Path) -> str:
    """Tell how the tokens are written, by how they are turned back into text."""
    decoder = repr(tokenizer.decoder)
    if "ByteLevel(" in decoder:
        return "gpt2"
    if "ByteFallback(" in decoder or "Metaspace(" in decoder:
        return "llama"
    raise SetupError(
        f"{path} cannot be used: its tokens are neither byte-level nor SentencePiece's."
    )


def _adds_bos(tokenizer: Tokenizer, settings: Mapping[str, object], bos: int | None) -> bool:
    told = settings.get("add_bos_token")
    if isinstance(told, bool):
        return told
    framed = tokenizer.encode("a").ids
    own = tokenizer.encode("a", add_special_tokens=False).ids
    return len(framed) > len(own) and framed[0] == bos


def _eos_ids(folder: Path, tokenizer: Tokenizer, settings: Mapping[str, object]) -> frozenset[int]:
    named = tokenizer.token_to_id(token_text(settings, "eos_token"))
    found = set() if named is None else {named}
    files = ("generation_config.json", "config.json")
    configs = [Fields(read_object(folder / name) or {}, name) for name in files]
    configs += [each.part("text_config") for each in configs]
    return frozenset(found.union(*(_ids(each.get("eos_token_id")) for each in configs)))


def _ids(value: object) -> Iterable[int]:
    values = value if isinstance(value, list) else [value]
    return (each for each in values if isinstance(each, int) and each >= 0)
