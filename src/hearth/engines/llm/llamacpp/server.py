"""Starts llama.cpp's server inside this process, listening on a private Unix socket."""

from __future__ import annotations

import http.client
import socket
import tempfile
from typing import Any

import msgspec

from hearth.engines.llm.llamacpp.messages import Props
from hearth.engines.llm.llamacpp.private_folder import PrivateFolder
from hearth.engines.llm.llamacpp_options import LlamaOptions
from hearth.engines.protocol import WorkerSpec
from hearth.errors import SetupError

_CONTEXT_STEP = 256  # the context of a slot is a multiple of this
_SPARE_HTTP_THREADS = 8  # for tokenising, and for answers nobody reads any more until noticed
_ASK_LIMIT_S = 30.0
_QUIET = -1
_MAX_SOCKET_PATH = 100  # the kernel takes 107 bytes


class LlamaServer:
    """A running server. Made and closed off the event loop: both take a while.

    Args:
        spec: the model file, slots, threads and context; `window` is the context of one slot.

    Raises:
        SetupError: the library or the model cannot be loaded, or runs otherwise than asked.
    """

    def __init__(self, spec: WorkerSpec, options: LlamaOptions, *, window: int) -> None:
        library = _library()
        self._folder = PrivateFolder()
        self.socket_path = str(self._folder.path / "llama.sock")
        self._native: Any = None  # the library has no types
        try:
            self._check_socket_path()
            params = _parameters(library, spec, options, window)
            params.hostnames = [self.socket_path]
            self._native = _load(library, params, spec)
            self._check_props(spec.slots, window)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop the server and free the model."""
        self._native = None  # its destructor stops the threads
        self._folder.close()

    def _check_socket_path(self) -> None:
        if len(self.socket_path.encode()) > _MAX_SOCKET_PATH:
            raise SetupError(
                f"The folder for temporary files {tempfile.gettempdir()} has too long a name for a "
                "socket; set TMPDIR to a shorter one."
            )

    def _check_props(self, slots: int, window: int) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ASK_LIMIT_S)
            connection.connect(self.socket_path)
            connection.sendall(b"GET /props HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            response = http.client.HTTPResponse(connection)
            response.begin()
            props = msgspec.json.decode(response.read(), type=Props)
        context = props.default_generation_settings.n_ctx
        if props.total_slots != slots or context < window:
            raise SetupError(
                f"llama.cpp made {props.total_slots} slots of {context} tokens where {slots} of "
                f"{window} were asked; lower the slots or the context."
            )


def library_version() -> str:
    """Return the version of the library, without loading it."""
    from importlib.metadata import version

    return version("xllamacpp")


def _library() -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        if "libgomp" in str(error):
            raise SetupError(
                "The engine llamacpp needs the system library libgomp; run "
                "`apt-get install libgomp1` (on Fedora: `dnf install libgomp`)."
            ) from None
        raise SetupError(f"The engine llamacpp cannot be loaded: {error}.") from None
    return xllamacpp


def _parameters(library: Any, spec: WorkerSpec, options: LlamaOptions, window: int) -> Any:
    params = library.CommonParams()
    params.model.path = spec.path
    params.n_ctx = spec.slots * -(-window // _CONTEXT_STEP) * _CONTEXT_STEP
    params.n_parallel = spec.slots
    params.kv_unified = False  # a slot's context is its own: no request can use up another's
    params.fit_params = False  # never change what was asked
    params.cpuparams.n_threads = spec.threads
    params.cpuparams_batch.n_threads = options.batch_threads or spec.threads
    params.n_batch = max(options.batch_tokens, spec.slots)  # every slot gets its token in one step
    params.n_ubatch = min(options.ubatch_tokens, params.n_batch)
    params.cache_type_k = params.cache_type_v = getattr(
        library.ggml_type, f"GGML_TYPE_{options.kv_type.upper()}"
    )
    params.flash_attn_type = getattr(
        library.llama_flash_attn_type,
        {
            "auto": "LLAMA_FLASH_ATTN_TYPE_AUTO",
            "on": "LLAMA_FLASH_ATTN_TYPE_ENABLED",
            "off": "LLAMA_FLASH_ATTN_TYPE_DISABLED",
        }[options.flash_attention],
    )
    params.no_extra_bufts = not options.repack
    # Scale 0: a request that says nothing gets the model alone.
    params.lora_adapters = [library.CommonAdapterLoraInfo(each.path, 0.0) for each in spec.adapters]
    params.cache_ram_mib = 0  # it knows no groups; see `slots`
    params.warmup = options.warmup
    # Templates are ours. The server refuses a model whose template it cannot read: give it one.
    params.chat_template = "chatml"
    params.use_jinja = False
    params.n_threads_http = 2 * spec.slots + _SPARE_HTTP_THREADS
    params.endpoint_props = True
    params.endpoint_slots = params.endpoint_metrics = params.ui = False
    params.verbosity = _QUIET
    return params


def _load(library: Any, params: Any, spec: WorkerSpec) -> Any:
    try:
        return library.Server(params)
    except RuntimeError as error:
        adapters = ", ".join(each.name for each in spec.adapters)
        what = f" with the adapters {adapters}" if adapters else ""
        raise SetupError(
            f"llama.cpp cannot load the model file {spec.path}{what} ({error}); it may be damaged, "
            "of an architecture this version does not know, too large for the memory, or not made "
            "for the engine's options."
        ) from None
