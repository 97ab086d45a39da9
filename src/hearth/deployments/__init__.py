"""What serves which model: replicas, the reconciler that runs them, and their record in SQL."""

from hearth.deployments.executors.local import LocalExecutor
from hearth.deployments.reconciler import Reconciler, request_model
from hearth.deployments.store import REPLICAS, list_replicas
from hearth.deployments.types import Replica, ReplicaState

__all__ = [
    "REPLICAS",
    "LocalExecutor",
    "Reconciler",
    "Replica",
    "ReplicaState",
    "list_replicas",
    "request_model",
]
