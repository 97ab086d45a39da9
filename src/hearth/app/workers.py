"""How the worker for a model's weights is run on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from hearth import catalog
from hearth.deployments import ANY_ENGINE, EngineWish
from hearth.engines.llm.llamacpp_options import LlamaOptions
from hearth.engines.llm.native_options import NativeOptions
from hearth.engines.protocol import WorkerSpec
from hearth.errors import SetupError
from hearth.models import precision_of
from hearth.settings import Settings

FAKE_VECTORS = "fake-embedding"
"The name under which the fake engine stands in for every embedding model."

_SLOTS = {"native": 32}
"Sequences at once where nobody says: a batch costs `native` little more than one sequence."
_OTHER_SLOTS = 16
_TEXT_ENGINES: dict[str, catalog.TextEngineName] = {"native": "native", "llamacpp": "llamacpp"}


class Workers:
    """Knows what is to be started for a model.

    Args:
        settings: threads, slots and windows.
        holdings: the weights and attached models.
        fake: whether the fake engine stands in for what would be loaded.
    """

    def __init__(self, settings: Settings, holdings: catalog.Holdings, *, fake: bool) -> None:
        self._settings = settings
        self._holdings = holdings
        self._is_fake = fake
        self._engines = text_engines(settings)

    def make_spec(self, model: str, wish: EngineWish = ANY_ENGINE) -> WorkerSpec:
        """Say how a worker for a model's weights is run.

        Raises:
            SetupError: its weights are not here, or it cannot be run as is wished.
        """
        held = self._in_precision(model, self._holdings.find(model), wish.precision)
        common = self._common(model, wish)
        spec = self._spec(model, held, common, self._preferring(wish))
        if wish.engine not in ("auto", spec.engine):
            raise SetupError(
                f"{model} is served by the engine {spec.engine} here, not {wish.engine}."
            )
        return replace(
            spec,
            slots=spec.slots or _SLOTS.get(spec.engine, _OTHER_SLOTS),
            options={
                **spec.options,
                **_expected(spec.engine, wish),
                **_own_options(spec.engine, wish),
            },
        )

    def _preferring(self, wish: EngineWish) -> catalog.TextEngines:
        """The engines for text; what is wished for goes before what the settings prefer."""
        named = _TEXT_ENGINES.get(wish.engine)
        return self._engines if named is None else replace(self._engines, prefers=named)

    def _in_precision(
        self, model: str, held: catalog.Holding | None, precision: str
    ) -> catalog.Holding | None:
        """The form of weights that is preferred. Where it is not here, those that are answer:
        placement lets that be on emulated accelerators alone, which say so."""
        if not precision or not isinstance(held, catalog.Weights):
            return held
        forms = (held, *self._holdings.variants(model))
        fits = (e for e in forms if precision_of(e.inspection.quantisation) == precision)
        return next(fits, held)

    def _common(self, model: str, wish: EngineWish) -> Common:
        settings = self._settings
        options = _common_options(wish)
        context_tokens = options.context_tokens or wish.context_tokens
        return Common(
            spec=partial(
                WorkerSpec,
                replica_id="",
                address="",
                model=model,
                slots=options.slots or settings.engine_slots,
                adapters=list(wish.adapters),
            ),
            threads=options.threads or settings.engine_threads,
            context_tokens=context_tokens or settings.engine_context_tokens,
        )

    def _spec(
        self,
        model: str,
        held: catalog.Holding | None,
        common: Common,
        engines: catalog.TextEngines,
    ) -> WorkerSpec:
        if isinstance(held, catalog.Remote):
            return common.spec(engine="remote", options=held.options)
        if self._is_fake:
            is_vectors = model == FAKE_VECTORS
            return common.spec(
                engine="fake-embedding" if is_vectors else "fake", context_tokens=1_000_000
            )
        if held is None:
            raise SetupError(f"The weights of {model} are not here; run `hearth pull {model}`.")
        engine = catalog.engine_of(held, engines)
        if engine is None:
            found = held.inspection
            raise SetupError(
                f"Nothing here runs the weights of {model}: {found.format} of "
                f"{found.architecture} as {found.quantisation}."
            )
        if engine != "llamacpp":
            return common.spec(
                engine=engine,
                path=str(held.path),
                threads=common.threads or num_cores(),
                context_tokens=common.context_tokens,
            )
        return common.spec(
            engine="llamacpp",
            path=str(held.path),
            # One sequence leaves a core to the gateway: it loses little, and threads that wait for
            # each other on a busy core lose nearly everything. Several sequences take all cores.
            threads=common.threads or max(1, num_cores() - 1),
            options={"batch_threads": common.threads or num_cores()},
            context_tokens=common.context_tokens,
        )


class CommonOptions(Struct, frozen=True, kw_only=True):
    """What can be chosen of every engine; 0: as the settings say."""

    threads: Annotated[int, Meta(ge=0, le=1024)] = 0
    slots: Annotated[int, Meta(ge=0, le=1024)] = 0
    context_tokens: Annotated[int, Meta(ge=0)] = 0


COMMON_OPTIONS = frozenset(CommonOptions.__struct_fields__)


class FakeOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the fake engine takes."""

    step_s: Annotated[float, Meta(ge=0, le=10)] = 0.0
    "The time a step takes; 0 is as fast as it goes."


_OWN_OPTIONS: dict[str, type[Struct]] = {
    "llamacpp": LlamaOptions,
    "native": NativeOptions,
    "fake": FakeOptions,
}
Options = dict[str, str | int | float | bool]


class Common(NamedTuple):
    """What a spec says whatever its engine."""

    spec: Callable[..., WorkerSpec]  # Any: the fields that an engine adds
    threads: int
    context_tokens: int


def _own_options(engine: str, wish: EngineWish) -> Options:
    """The options that only one engine knows, in its own types: commands send them as text."""
    own = {name: value for name, value in wish.options.items() if name not in COMMON_OPTIONS}
    kind = _OWN_OPTIONS.get(engine)
    if own and kind is None:
        raise SetupError(
            f"The engine {engine} knows no option {', '.join(sorted(own))}; "
            f"it takes {', '.join(sorted(COMMON_OPTIONS))}."
        )
    if kind is None:
        return {}
    try:
        known = msgspec.to_builtins(msgspec.convert(own, kind, strict=False))
    except msgspec.ValidationError as error:
        names = sorted({*COMMON_OPTIONS, *kind.__struct_fields__})
        raise SetupError(
            f"An option of the engine {engine} is wrong: {error}. It takes {', '.join(names)}."
        ) from None
    return {name: known[name] for name in own}


def _expected(engine: str, wish: EngineWish) -> Options:
    """What an engine is told of adapters that will come."""
    return {"prepare_adapters": True} if engine == "native" and wish.expects_adapters else {}


def _common_options(wish: EngineWish) -> CommonOptions:
    chosen = {name: value for name, value in wish.options.items() if name in COMMON_OPTIONS}
    try:
        return msgspec.convert(chosen, CommonOptions, strict=False)
    except msgspec.ValidationError as error:
        raise SetupError(f"An option of the engine is wrong: {error}.") from None


def text_engines(settings: Settings) -> catalog.TextEngines:
    """The engines for text of this machine."""
    return catalog.TextEngines(prefers=settings.text_engine, has_native=catalog.has_native())


def num_cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))
