"""Engines and the protocol that reaches them: the code that runs in workers, and the supervisor."""

from hearth.engines.supervisor import Supervisor, WorkerReport, WorkerState

__all__ = ["Supervisor", "WorkerReport", "WorkerState"]
