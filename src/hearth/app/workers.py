"""How the worker for a model's weights is run on this machine."""

from __future__ import annotations

import os
from functools import partial

from hearth import catalog
from hearth.engines.protocol import WorkerSpec
from hearth.errors import SetupError
from hearth.settings import Settings

FAKE_VECTORS = "fake-embedding"
"The name under which the fake engine stands in for every embedding model."


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

    def make_spec(self, model: str) -> WorkerSpec:
        """Say how a worker for a model's weights is run.

        Raises:
            SetupError: its weights are not here.
        """
        settings = self._settings
        common = partial(
            WorkerSpec, replica_id="", address="", model=model, slots=settings.engine_slots
        )
        held = self._holdings.find(model)
        if isinstance(held, catalog.Remote):
            return common(engine="remote", options=held.options)
        if self._is_fake:
            is_vectors = model == FAKE_VECTORS
            return common(
                engine="fake-embedding" if is_vectors else "fake", context_tokens=1_000_000
            )
        if held is None:
            raise SetupError(f"The weights of {model} are not here; run `hearth pull {model}`.")
        if catalog.engine_of(held) == "embedding":
            return common(
                engine="embedding",
                path=str(held.path),
                threads=settings.engine_threads or num_cores(),
            )
        return common(
            engine="llamacpp",
            path=str(held.path),
            # One sequence leaves a core to the gateway: it loses little, and threads that wait for
            # each other on a busy core lose nearly everything. Several sequences take all cores.
            threads=settings.engine_threads or max(1, num_cores() - 1),
            options={"batch_threads": settings.engine_threads or num_cores()},
            context_tokens=settings.engine_context_tokens,
        )


def num_cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))
