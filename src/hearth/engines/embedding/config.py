"""What a sentence-transformers folder says of its model, beside the weights.

The files and their fields are those that sentence-transformers itself writes: `config.json`,
`modules.json`, `sentence_bert_config.json`, `config_sentence_transformers.json` and the pooling
module's own `config.json`. A folder without `modules.json` is read as that library reads it: mean
pooling, and no normalisation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from hearth.errors import SetupError

T = TypeVar("T")

Pooling = Literal["cls", "mean", "max", "mean_sqrt_len", "lasttoken"]

_FLAGS: dict[str, Pooling] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_lasttoken": "lasttoken",
}
_NAMES: dict[str, Pooling] = {
    "cls": "cls", "mean": "mean", "max": "max", "mean_sqrt_len_tokens": "mean_sqrt_len",
    "lasttoken": "lasttoken",
}  # fmt: skip
_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert")
"Families whose positions begin after the padding token's id."


class BertConfig(Struct, frozen=True):
    """The fields of an encoder's `config.json` that its arithmetic depends on."""

    model_type: str
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0
    position_embedding_type: str = "absolute"

    @property
    def first_position(self) -> int:
        """The row of the position table that the first token of a text takes."""
        return self.pad_token_id + 1 if self.model_type in _OFFSET_POSITIONS else 0


class Recipe(Struct, frozen=True, kw_only=True):
    """How a folder turns texts into vectors."""

    bert: BertConfig
    pooling: tuple[Pooling, ...]
    "Several are put side by side."
    normalizes: bool
    max_tokens: int
    "Of one text, the special tokens included; longer ones are cut."
    lower_case: bool
    prompt: str
    "Stands before every text."


class _Module(Struct):
    type: str
    path: str = ""


class _SentenceBert(Struct):
    max_seq_length: int | None = None
    do_lower_case: bool = False


class _SentenceTransformers(Struct):
    prompts: dict[str, str] = {}
    default_prompt_name: str | None = None


def read_recipe(folder: Path) -> Recipe:
    """Read the folder's configuration.

    Raises:
        SetupError: a file is missing or broken, or it asks for what is not supported here.
    """
    bert = _read(folder / "config.json", BertConfig)
    if bert is None:
        raise SetupError(f"{folder} holds no config.json: it is no model folder.")
    _check(bert, folder)
    modules = _read(folder / "modules.json", list[_Module])
    kinds = {each.type.rpartition(".")[2]: each.path for each in modules or []}
    if unknown := kinds.keys() - {"Transformer", "Pooling", "Normalize"}:
        raise SetupError(f"{folder} asks for {', '.join(sorted(unknown))}, which no engine has.")
    sentence = _read(folder / "sentence_bert_config.json", _SentenceBert) or _SentenceBert()
    whole = _read(folder / "config_sentence_transformers.json", _SentenceTransformers)
    whole = whole or _SentenceTransformers()
    window = bert.max_position_embeddings - bert.first_position
    return Recipe(
        bert=bert,
        pooling=_pooling(folder / kinds["Pooling"]) if "Pooling" in kinds else ("mean",),
        normalizes="Normalize" in kinds,
        max_tokens=min(window, sentence.max_seq_length or window),
        lower_case=sentence.do_lower_case,
        prompt=whole.prompts.get(whole.default_prompt_name or "", ""),
    )


def _check(bert: BertConfig, folder: Path) -> None:
    from hearth.engines.embedding.activations import ACTIVATIONS

    if bert.position_embedding_type != "absolute":
        raise SetupError(f"{folder} uses {bert.position_embedding_type} positions; none here does.")
    if bert.hidden_act not in ACTIVATIONS:
        raise SetupError(f"{folder} uses the activation {bert.hidden_act}, which no engine has.")


def _pooling(folder: Path) -> tuple[Pooling, ...]:
    fields = _read(folder / "config.json", dict[str, object]) or {}
    named = fields.get("pooling_mode")
    names = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    chosen = [_NAMES[name] for name in names if name in _NAMES]
    chosen += [mode for flag, mode in _FLAGS.items() if fields.get(flag) is True]
    asked = len(names) + sum(value is True for key, value in fields.items() if _is_mode(key))
    if not chosen or len(chosen) != asked or fields.get("include_prompt") is False:
        raise SetupError(f"{folder / 'config.json'} asks for a pooling that no engine has.")
    return tuple(chosen)


def _is_mode(key: str) -> bool:
    return key.startswith("pooling_mode_")


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SetupError(f"{path} cannot be used: {error}.") from None
