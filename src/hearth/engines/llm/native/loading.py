"""Makes the engine from its spec."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hearth.engines.engine import Failed
from hearth.engines.llm.engine_options import parse_options
from hearth.engines.llm.native.backend import Backend
from hearth.engines.llm.native.entry import Vocabulary
from hearth.engines.llm.native.runner import NativeRunner
from hearth.engines.llm.native.weights import Checkpoint, open_checkpoint, read_lora
from hearth.engines.llm.native_options import NativeOptions
from hearth.engines.llm.text_engine import TextEngine
from hearth.engines.protocol import Adapter, Capabilities, Hello, Sampling, WorkerSpec
from hearth.errors import SetupError

CAPABILITIES = Capabilities(
    sampling=frozenset(Sampling.__struct_fields__),
    token_prompts=True,
    ignore_eos=True,
    seed=True,
    cached_tokens=True,
    constraints=frozenset({"json_object", "json_schema", "grammar", "regex"}),
    logprobs=20,
    echo=True,
    token_ids=True,
    stop_token_ids=True,
    priority=True,
    prediction=True,
    adapters="live",
    mixes_adapters=True,
)
_GPU = Path("/dev/nvidiactl")  # is there where the kernel drives an NVIDIA GPU
_BLOCK_TOKENS = 32
_CACHE_SHARE = 0.25  # of the machine's memory, where nobody says how much


def build(spec: WorkerSpec) -> TextEngine:
    """Load the model; takes seconds, so off the event loop.

    Raises:
        SetupError: an option is wrong, or the model or what computes it cannot be loaded.
    """
    if spec.path is None:
        raise SetupError(f"The engine native needs a model file or folder for {spec.model}.")
    options = parse_options(NativeOptions, "native", spec.options)
    checkpoint = open_checkpoint(Path(spec.path))
    runner = _runner(spec, options, checkpoint)
    return TextEngine(
        runner,
        template=checkpoint.template,
        pieces=checkpoint.tokenizer.pieces,
        defaults=checkpoint.defaults,
    )


def _runner(spec: WorkerSpec, options: NativeOptions, checkpoint: Checkpoint) -> NativeRunner:
    about = checkpoint.architecture
    kind = _backend_kind(options)
    window = min(spec.context_tokens, about.context_tokens)
    with ThreadPoolExecutor(1) as beside:
        loading = beside.submit(_backend, spec, options, checkpoint, kind=kind, window=window)
        tokenizer = checkpoint.tokenizer  # which takes as long as a fifth of a small model
    backend = loading.result()
    hello = Hello(
        replica_id=spec.replica_id,
        engine="native",
        engine_version=f"{kind} {importlib.metadata.version(kind)}",
        model=spec.model,
        fingerprint=checkpoint.fingerprint((kind, options.precision)),
        context_tokens=window,
        max_batch=spec.slots,
        capabilities=CAPABILITIES,
    )
    vocabulary = Vocabulary(
        tokenizer=tokenizer,
        size=about.vocabulary_size,
        end_ids=tokenizer.eos_ids,
        pieces=tokenizer.pieces,
        ids_by_name={name: token for token, name in enumerate(tokenizer.names)},
    )
    runner = NativeRunner(
        backend,
        hello,
        vocabulary,
        options,
        read_adapter=lambda path, digest: read_lora(
            path, digest, about, is_permuted=checkpoint.is_permuted
        ),
    )
    _load_first(runner, spec.adapters, expects_more=options.prepare_adapters)
    return runner


def _load_first(runner: NativeRunner, adapters: Sequence[Adapter], *, expects_more: bool) -> None:
    if len({each.name for each in adapters}) != len(adapters):
        raise SetupError("An adapter is given twice; give each name once.")
    try:
        runner.adapters.load_first(adapters, expects_more=expects_more)
    except Failed as failed:
        raise SetupError(failed.failure.message) from None


def _backend_kind(options: NativeOptions) -> str:
    """Choose what computes; torch, whose import takes a second, is asked only beside a GPU."""
    if options.backend != "auto":
        return options.backend
    if _GPU.exists() and importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return "torch"
    return "openvino"


def _backend(
    spec: WorkerSpec, options: NativeOptions, checkpoint: Checkpoint, *, kind: str, window: int
) -> Backend:
    weights, about = checkpoint.weights, checkpoint.architecture
    memory = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * _CACHE_SHARE)

    def num_blocks(cache_bytes: int, token_bytes: int) -> int:
        room = cache_bytes // (token_bytes * _BLOCK_TOKENS) * _BLOCK_TOKENS
        wanted = options.cache_tokens or max(window, min(spec.slots * window, room))
        return -(-wanted // _BLOCK_TOKENS)

    if kind == "torch":
        from hearth.engines.llm.native import torch_backend

        on_gpu = torch_backend.cache_bytes(about, options)
        blocks = num_blocks(
            memory if on_gpu is None else on_gpu, torch_backend.token_bytes(about, options)
        )
        return torch_backend.build_torch_backend(
            weights, options, num_blocks=blocks, threads=spec.threads
        )
    if importlib.util.find_spec("openvino") is None:
        raise SetupError(
            "The engine native needs the package openvino on a CPU; install it, or serve GGUF "
            "weights with the engine llamacpp."
        )
    from hearth.engines.llm.native import openvino_backend

    blocks = num_blocks(memory, openvino_backend.token_bytes(about, options))
    return openvino_backend.build_openvino_backend(
        weights, options, num_blocks=blocks, threads=spec.threads
    )
