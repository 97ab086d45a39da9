"""Makes the engine from its spec."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from hearth.engines.llm.engine_options import parse_options
from hearth.engines.llm.fingerprint import fingerprint
from hearth.engines.llm.gguf_metadata import MetadataValue, read_metadata
from hearth.engines.llm.llamacpp.adapter_files import check_adapters
from hearth.engines.llm.llamacpp.runner import LlamaRunner
from hearth.engines.llm.llamacpp.server import LlamaServer, library_version
from hearth.engines.llm.llamacpp_options import LlamaOptions
from hearth.engines.llm.sampling import model_defaults
from hearth.engines.llm.template import ChatTemplate, TemplateUnusable
from hearth.engines.llm.text_engine import TextEngine
from hearth.engines.llm.vocabulary import read_vocabulary, special_token, tag_names
from hearth.engines.protocol import Capabilities, Hello, LoadedAdapter, Sampling, WorkerSpec
from hearth.errors import SetupError

_CAPABILITIES = Capabilities(
    sampling=frozenset(Sampling.__struct_fields__),
    token_prompts=True,
    ignore_eos=True,
    seed=True,
    cached_tokens=True,
    constraints=frozenset({"json_object", "json_schema", "grammar", "regex"}),
    adapters="start",
)
_MAX_TOP_LOGPROBS = 5  # of the API; the server could tell more


def build(spec: WorkerSpec) -> TextEngine:
    """Load the model; takes seconds, so off the event loop.

    Raises:
        SetupError: an option is wrong, or library or model cannot be loaded; one line says which.
    """
    metadata = _metadata(spec)
    return TextEngine(
        _runner(spec, metadata),
        template=_template(metadata, spec.model),
        defaults=model_defaults(metadata),
    )


def build_runner(spec: WorkerSpec) -> LlamaRunner:
    """Load the model without the text machinery; otherwise as `build`."""
    return _runner(spec, _metadata(spec))


def _metadata(spec: WorkerSpec) -> Mapping[str, MetadataValue]:
    if spec.path is None:
        raise SetupError(f"The engine llamacpp needs a model file for {spec.model}.")
    return read_metadata(Path(spec.path))


def _runner(spec: WorkerSpec, metadata: Mapping[str, MetadataValue]) -> LlamaRunner:
    options = parse_options(LlamaOptions, "llamacpp", spec.options)
    check_adapters(spec.adapters)
    names = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(names, list) or not names:
        raise SetupError(f"The model file {spec.path} holds no vocabulary: it cannot serve text.")
    pieces = _pieces(metadata)
    hello = _hello(spec, options, window=_window(spec, metadata))
    hello = replace(hello, capabilities=capabilities(knows_pieces=pieces is not None))
    server = LlamaServer(spec, options, window=hello.context_tokens)
    return LlamaRunner(
        server,
        hello,
        pieces=pieces or [b""] * len(names),
        bos=special_token(metadata, "bos"),
        tags=tag_names(metadata),
    )


def capabilities(*, knows_pieces: bool) -> Capabilities:
    """What the engine can do with a model.

    Args:
        knows_pieces: the bytes of every token are known, as for most families of tokenisers.
    """
    if not knows_pieces:
        return _CAPABILITIES
    return replace(_CAPABILITIES, logprobs=_MAX_TOP_LOGPROBS, token_ids=True)


def _pieces(metadata: Mapping[str, MetadataValue]) -> list[bytes] | None:
    """Return the bytes of every token; None where the family of tokenisers is unknown to us."""
    try:
        return read_vocabulary(metadata).pieces
    except SetupError:
        return None


def _window(spec: WorkerSpec, metadata: Mapping[str, MetadataValue]) -> int:
    """Return the context asked for, but no more than the model was trained on."""
    trained = metadata.get(f"{metadata.get('general.architecture')}.context_length")
    if isinstance(trained, int) and trained > 0:
        return min(spec.context_tokens, trained)
    return spec.context_tokens


def _hello(spec: WorkerSpec, options: LlamaOptions, *, window: int) -> Hello:
    assert spec.path is not None
    version = library_version()
    return Hello(
        replica_id=spec.replica_id,
        engine="llamacpp",
        engine_version=version,
        model=spec.model,
        fingerprint=fingerprint(
            Path(spec.path), (version, spec.threads, spec.slots, window, options)
        ),
        context_tokens=window,
        max_batch=spec.slots,
        capabilities=_CAPABILITIES,
        adapters=[LoadedAdapter(each.name, each.digest) for each in spec.adapters],
    )


def _template(metadata: Mapping[str, MetadataValue], model: str) -> ChatTemplate | str:
    source = metadata.get("tokenizer.chat_template")
    if not isinstance(source, str):
        return f"{model} has no chat template; give it a `prompt` instead of `messages`."
    special = {f"{which}_token": special_token(metadata, which) for which in ("bos", "eos")}
    try:
        return ChatTemplate(source, special)
    except TemplateUnusable as error:
        return f"The chat template of {model} cannot be used: {error}."
