"""A model on disk, opened: its description, tokeniser and template; its weights stay there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hearth.engines.llm.fingerprint import fingerprint
from hearth.engines.llm.gguf_metadata import MetadataValue
from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import Weights
from hearth.engines.llm.native.weights.families import read_architecture
from hearth.engines.llm.native.weights.fields import read_object
from hearth.engines.llm.native.weights.gguf_file import GgufWeights
from hearth.engines.llm.native.weights.gguf_tensors import GgufTensors
from hearth.engines.llm.native.weights.gguf_tokenizer import gguf_tokenizer
from hearth.engines.llm.native.weights.safetensors_folder import SafetensorsWeights, weight_files
from hearth.engines.llm.native.weights.tokenizer import TextTokenizer
from hearth.engines.llm.native.weights.tokenizer_json import folder_tokenizer, token_text
from hearth.engines.llm.sampling import model_defaults
from hearth.engines.llm.template import ChatTemplate, TemplateUnusable
from hearth.engines.llm.vocabulary import special_token
from hearth.engines.protocol import Sampling
from hearth.errors import SetupError

_MAX_TEMPLATE_BYTES = 4_000_000
_NO_TEMPLATE = "{} has no chat template; give it a `prompt` instead of `messages`."
_SAMPLING = {
    "temperature": "general.sampling.temp",
    "top_p": "general.sampling.top_p",
    "top_k": "general.sampling.top_k",
    "min_p": "general.sampling.min_p",
}
"Fields of a `generation_config.json` that GGUF has too."

_READ_BESIDE = ("config.json", "tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """All that an engine needs of a model."""

    weights: Weights
    make_tokenizer: Callable[[], TextTokenizer]
    template: ChatTemplate | str
    "Or why there is none."
    defaults: Sampling
    "What a request leaves out."
    files: tuple[Path, ...]
    "All that decide what the model says."
    is_permuted: bool
    "Adapters of this base come with the rows of queries and keys in llama.cpp's order."

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        """Made when it is first asked for, which takes a tenth of a second or two.

        Raises:
            SetupError: it is missing, broken, or of a family we cannot decode.
        """
        return self.make_tokenizer()

    @property
    def architecture(self) -> Architecture:
        """What the weights are weights of."""
        return self.weights.architecture

    def fingerprint(self, settings: Sequence[object]) -> str:
        """Return a short name for the files and what else decides the numbers, in milliseconds."""
        name = ""
        for path in self.files:
            name = fingerprint(path, (name, *settings))
        return name


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a model without reading its weights.

    Args:
        path: a GGUF file, the first of several, a folder as transformers saves it, or a file
            in one.

    Raises:
        SetupError: something is missing, damaged, or of a kind that is not supported.
    """
    if path.suffix == ".gguf":
        return _open_gguf(path)
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise SetupError(f"The model {path} is not here.")
    return _open_folder(folder)


def _open_gguf(path: Path) -> Checkpoint:
    tensors = GgufTensors(path)
    weights = GgufWeights(tensors)
    size = weights.architecture.vocabulary_size

    def make_tokenizer() -> TextTokenizer:
        parts = gguf_tokenizer(tensors.metadata, tensors.merges, str(path))
        return TextTokenizer(parts, size=size)

    special = {f"{which}_token": special_token(tensors.metadata, which) for which in ("bos", "eos")}
    return Checkpoint(
        weights=weights,
        make_tokenizer=make_tokenizer,
        template=_template(tensors.metadata.get("tokenizer.chat_template"), special, path),
        defaults=model_defaults(tensors.metadata),
        files=tuple(tensors.files),
        is_permuted=weights.is_permuted,
    )


def _open_folder(folder: Path) -> Checkpoint:
    config = read_object(folder / "config.json")
    if config is None:
        raise SetupError(f"{folder / 'config.json'} is not here; the engine needs the model's.")
    architecture = read_architecture(config, str(folder))
    weights = SafetensorsWeights(folder, architecture)
    settings = read_object(folder / "tokenizer_config.json") or {}
    special = {name: token_text(settings, name) for name in ("bos_token", "eos_token")}
    beside = [folder / name for name in _READ_BESIDE]
    return Checkpoint(
        weights=weights,
        make_tokenizer=lambda: TextTokenizer(
            folder_tokenizer(folder), size=architecture.vocabulary_size
        ),
        template=_template(_template_source(folder, settings), special, folder),
        defaults=_defaults(folder),
        files=tuple(path for path in [*weight_files(folder), *beside] if path.is_file()),
        is_permuted=False,
    )


def _template(source: object, special: dict[str, str], path: Path) -> ChatTemplate | str:
    if not isinstance(source, str):
        return _NO_TEMPLATE.format(path.name)
    try:
        return ChatTemplate(source, special)
    except TemplateUnusable as error:
        return f"The chat template of {path.name} cannot be used: {error}."


def _template_source(folder: Path, settings: Mapping[str, object]) -> object:
    """Return the template: in a file of its own, or among the tokeniser's settings."""
    path = folder / "chat_template.jinja"
    try:
        if path.is_file() and path.stat().st_size <= _MAX_TEMPLATE_BYTES:
            return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be used: {error}.") from None
    source = settings.get("chat_template")
    if isinstance(source, list):
        named = [each for each in source if isinstance(each, dict)]
        return next((e.get("template") for e in named if e.get("name") == "default"), None)
    return source


def _defaults(folder: Path) -> Sampling:
    config = read_object(folder / "generation_config.json") or {}
    told: dict[str, MetadataValue] = {}
    for field, key in _SAMPLING.items():
        value = config.get(field)
        if isinstance(value, int | float):
            told[key] = value
    return model_defaults(told)
