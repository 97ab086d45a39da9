"""Models that are served without a deployment: one replica each, from when they are asked for."""

from __future__ import annotations

from collections.abc import Callable

from hearth.deployments.convergence import Wanted, steps
from hearth.deployments.replicas import Replicas
from hearth.deployments.serving import EngineWish, SpecMaker, version_of
from hearth.deployments.types import Replica, ReplicaState
from hearth.engines.protocol import Adapter, WorkerSpec
from hearth.errors import SetupError
from hearth.kit.ids import new_id


class Serverless:
    """The pools that no deployment owns; used by the reconciler alone.

    Args:
        replicas: of this controller.
        make_spec: says how a model is run; raises `SetupError` where its weights are not here.
        adapters_of: what is to be loaded beside a model's weights.
    """

    def __init__(
        self,
        replicas: Replicas,
        make_spec: SpecMaker,
        adapters_of: Callable[[str], tuple[Adapter, ...]],
    ) -> None:
        self._replicas = replicas
        self._make_spec = make_spec
        self._adapters_of = adapters_of
        self._wanted: dict[str, tuple[WorkerSpec, str] | None] = {}

    def want(self, model: str) -> None:
        """Serve a model from now on; asked again, look again how, should it have failed."""
        known = self._wanted.get(model)
        if known is None or not self._serves(model):
            self._look(model)

    def look_again(self) -> None:
        """Something was changed that may change how models are run."""
        for model in self._wanted:
            self._look(model)

    def converge(self) -> None:
        """Start and drain replicas; nothing is waited for."""
        for model, told in self._wanted.items():
            if told is None:
                continue
            spec, version = told
            todo = steps(Wanted(count=1, version=version), self._replicas.of(model))
            for replica_id in todo.drain:
                self._replicas.drain(replica_id)
            own = self._replicas.of(model)
            self._replicas.adapters.equip(own, spec.adapters, version=version)
            for _ in range(todo.start):
                self._replicas.start(model, spec, version=version)

    def _serves(self, model: str) -> bool:
        return any(each.state is not ReplicaState.FAILED for each in self._replicas.of(model))

    def _look(self, model: str) -> None:
        try:
            spec = self._make_spec(model, EngineWish(adapters=self._adapters_of(model)))
        except SetupError as error:
            if not self._serves(model):
                self._refuse(model, str(error))
            return
        self._wanted[model] = spec, version_of(spec)

    def _refuse(self, model: str, reason: str) -> None:
        """Leave a record that says why the model is not served."""
        self._wanted[model] = None
        for replica in self._replicas.of(model):
            self._replicas.drain(replica.id)
        failed = Replica(
            id=new_id("replica"),
            pool=model,
            model=model,
            state=ReplicaState.FAILED,
            message=reason,
        )
        self._replicas.put(failed)
