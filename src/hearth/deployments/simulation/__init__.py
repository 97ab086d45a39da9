"""A day of load on an inventory, in virtual time."""

from hearth.deployments.simulation.day import STEP_S, simulate
from hearth.deployments.simulation.text import render
from hearth.deployments.simulation.types import (
    Drop,
    Loss,
    RegionRow,
    Report,
    Row,
    Scenario,
    Tenant,
)

__all__ = [
    "STEP_S",
    "Drop",
    "Loss",
    "RegionRow",
    "Report",
    "Row",
    "Scenario",
    "Tenant",
    "render",
    "simulate",
]
