"""Whether a model that somebody means to upload can be loaded here, from its config alone."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

import msgspec
from msgspec import Struct

from hearth.catalog import ENCODERS, FAMILIES, EngineName
from hearth.errors import InvalidRequest

_LLAMAS = frozenset({"mistral", "mixtral", "codellama"})
"What llama.cpp loads as `llama` though their configs call them otherwise."

T = TypeVar("T")


class ConfigVerdict(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which engine would load it, and from which files."""

    engine: EngineName
    weights_format: str
    architecture: str
    has_chat_template: bool


class _Config(Struct, frozen=True):
    architectures: list[str] | None = None
    model_type: str = ""


class _TokenizerConfig(Struct, frozen=True):
    chat_template: object = None


def check_config(config_json: str, tokenizer_config_json: str) -> ConfigVerdict:
    """Say what would load a model with this `config.json`.

    Raises:
        InvalidRequest: it is not JSON, or nothing here loads its architecture.
    """
    config = _decode(config_json, _Config, "configJson")
    tokenizer = _decode(tokenizer_config_json or "{}", _TokenizerConfig, "tokenizerConfigJson")
    named = (config.architectures or [""])[0]
    if named in ENCODERS:
        engine: EngineName = "embedding"
        weights_format = "safetensors"
    elif named in FAMILIES and "quantization_config" not in config_json:
        engine, weights_format = "native", "safetensors"
    elif config.model_type and _plain(config.model_type) in _text_architectures():
        engine, weights_format = "llamacpp", "gguf"
    else:
        raise InvalidRequest(
            f"configJson: no engine here loads {named or config.model_type or 'a model without'!r}"
            " as its architecture; encoders of the BERT family and models of "
            f"{', '.join(sorted(set(FAMILIES.values())))} load as safetensors, and what "
            "llama.cpp knows loads as GGUF.",
            param="configJson",
        )
    return ConfigVerdict(
        engine=engine,
        weights_format=weights_format,
        architecture=named or config.model_type,
        has_chat_template=bool(tokenizer.chat_template),
    )


@cache
def _text_architectures() -> frozenset[str]:
    from gguf.constants import MODEL_ARCH_NAMES

    return frozenset(_plain(name) for name in MODEL_ARCH_NAMES.values()) | _LLAMAS


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _decode(text: str, kind: type[T], param: str) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{param}: {error}.", param=param) from error
