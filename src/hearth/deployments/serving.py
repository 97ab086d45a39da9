"""What a deployment's replicas are told to be, and when two tellings differ."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Struct

from hearth.engines.protocol import Adapter, WorkerSpec

EngineChoice = Literal["auto", "llamacpp", "native", "embedding", "remote", "fake"]
ENGINES: tuple[EngineChoice, ...] = (
    "auto", "llamacpp", "native", "embedding", "remote", "fake",
)  # fmt: skip


LIVE_ENGINES = frozenset({"native", "fake"})
"Those whose adapters come and go while they run; see `Capabilities.adapters`."


class EngineWish(Struct, frozen=True, kw_only=True):
    """How a model is to be run, where that is not left to Hearth."""

    engine: str = "auto"
    options: dict[str, str | int | float | bool] = {}
    "`threads`, `slots`, `context_tokens`, and the engine's own by their names."
    context_tokens: int = 0
    "0: the setting's."
    precision: str = ""
    "The form of weights that is preferred, where it is here; empty: as they came."
    adapters: tuple[Adapter, ...] = ()
    "To be loaded beside the weights."
    expects_adapters: bool = False
    "More will come while it runs."


ANY_ENGINE = EngineWish()

SpecMaker = Callable[[str, EngineWish], WorkerSpec]
"Says how a worker for a model's weights is run; raises `SetupError` where it cannot be."


def version_of(spec: WorkerSpec, *others: object) -> str:
    """What differs whenever replicas must be replaced: by the spec, or what else they depend on.

    Adapters that can be loaded while a worker runs are no reason, nor that more are expected.
    """
    adapters = [] if spec.engine in LIVE_ENGINES else spec.adapters
    options = {name: each for name, each in spec.options.items() if name != "prepare_adapters"}
    plain = msgspec.structs.replace(
        spec, replica_id="", address="", adapters=adapters, options=options
    )
    written = msgspec.json.encode((plain, others), order="deterministic")
    return hashlib.sha256(written).hexdigest()[:16]
