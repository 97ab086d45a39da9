"""What a worker is told at its start, and what it says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct, field

AdapterSupport = Literal["none", "start", "live"]
"Whether adapters can be loaded, and only at the worker's start or while it runs."


class Adapter(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A LoRA adapter: small matrices that are added to weights of the worker's model."""

    name: str
    "Its full resource name, by which requests ask for it."
    digest: str
    "sha256 of the file at `path`, in hex; what bills and answers know it by."
    path: str = ""
    "The file to load, a GGUF of the type adapter; empty for engines that hold no weights."


def changed_adapters(adapters: Sequence[Adapter], change: Adapter | str) -> list[Adapter]:
    """What a worker has once it has loaded an adapter, or unloaded the one so named."""
    name = change if isinstance(change, str) else change.name
    kept = [each for each in adapters if each.name != name]
    return kept if isinstance(change, str) else [*kept, change]


class LoadedAdapter(Struct, frozen=True, array_like=True):
    """An adapter that requests can ask for now."""

    name: str
    digest: str


class Capabilities(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an engine can do; whatever is missing is emulated by us or refused with a reason."""

    sampling: frozenset[str] = frozenset()
    "Names of `Sampling` fields the engine honours."
    chat: bool = False
    "Has a chat template, so takes `messages`."
    token_prompts: bool = False
    prompt_limit: bool = False
    "Counts a prompt before it computes it, so honours `max_prompt_tokens`."
    ignore_eos: bool = False
    stop_token_ids: bool = False
    seed: bool = False
    cached_tokens: bool = False
    "Reports how much of a prompt came from its cache."
    constraints: frozenset[str] = frozenset()
    "Kinds of `Constraint` that are guaranteed."
    tools: bool = False
    reasoning: bool = False
    "The model's template has a switch for it."
    logprobs: int | None = None
    "The most alternatives at each place; None: no log-probabilities at all."
    echo: bool = False
    "Tells the prompt again, with its log-probabilities where those are asked for."
    token_ids: bool = False
    prediction: bool = False
    priority: bool = False
    "Admits who waits by `GenerateRequest.priority`."
    dimensions: int | None = None
    "Of the vectors it makes; None: it makes none."
    adapters: AdapterSupport = "none"
    mixes_adapters: bool = False
    "Requests for different adapters share a step; otherwise their groups take turns."


class Hello(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The worker's first frame: who it is and what it can do."""

    replica_id: str
    engine: str
    engine_version: str
    model: str
    "The full name of the model whose weights are loaded."
    fingerprint: str
    "Changes whenever weights, engine or settings that change the numbers do."
    context_tokens: int
    "The window of one sequence, prompt and completion together."
    max_batch: int
    capabilities: Capabilities
    adapters: list[LoadedAdapter] = []
    "What is loaded now; where that can change, `FrameType.ADAPTERS` tells."

    def digest_of(self, adapter: str) -> str:
        """The digest of an adapter by its full name; empty where it is not loaded."""
        return next((each.digest for each in self.adapters if each.name == adapter), "")


class Tally(Struct, omit_defaults=True, kw_only=True):
    """What a worker has done since its start: sums, for whoever wants rates and means."""

    started: int = 0
    "Requests that were taken."
    finished: int = 0
    "Requests that ended with usage, cancelled ones among them."
    failed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    "As they come, not only when a request ends."
    queue_s: float = 0.0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    "Over all finished requests, as the next ones."
    completion_tokens: int = 0


class Stats(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A worker's answer to a ping."""

    running: int = 0
    waiting: int = 0
    kv_used_tokens: int = 0
    kv_total_tokens: int = 0
    resident_bytes: int = 0
    tally: Tally = field(default_factory=Tally)


class WorkerSpec(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a worker is told at its start, as one JSON line on its standard input.

    The worker ends when that input closes: it never outlives the process that started it.
    """

    replica_id: str
    address: str
    "`unix:///path` or `tcp://host:port` to listen on; port 0 takes a free one."
    engine: Literal["llamacpp", "native", "embedding", "remote", "fake", "fake-embedding"]
    model: str
    path: str | None = None
    "The weights: the file that is opened first. None for engines that hold none."
    threads: int = 1
    slots: int = 1
    context_tokens: int = 2048
    adapters: list[Adapter] = []
    "To load at the start; an engine that cannot is an error at start."
    sealed_for: str = ""
    "The account whose weights must lie encrypted on disk; executors see to it, not workers."
    options: dict[str, str | int | float | bool] = {}
    "Engine's own; an unknown name is an error at start."


class Ready(Struct, omit_defaults=True):
    """The one line a worker writes to standard output: where it listens, or why it cannot."""

    address: str = ""
    error: str = ""
