"""What a replica is."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class ReplicaState(StrEnum):
    """Where a replica is; only a READY one takes requests."""

    STARTING = "STARTING"
    READY = "READY"
    FAILED = "FAILED"
    "Its worker ended; the supervisor starts it again after a backoff."


class Replica(Struct, frozen=True, kw_only=True):
    """One worker that serves one model's weights."""

    id: str
    model: str
    "The full name of the model whose weights it holds."
    state: ReplicaState
    address: str = ""
    "Where gateways reach it; empty until it is first ready."
    engine: str = ""
    message: str = ""
    "Why it is in its state, for a person."
