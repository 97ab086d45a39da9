"""For programs that use a server: what they spend, how fast it is, and trying again."""

from hearth.client.errors import BudgetSpent, ConnectionFailed, RequestError, RequestRefused
from hearth.client.monitor import Measurement, PerformanceMonitor
from hearth.client.retrying import RetryingClient
from hearth.client.retrying_async import AsyncRetryingClient
from hearth.client.sums import Sums
from hearth.client.tracker import UsageTracker

__all__ = [
    "AsyncRetryingClient",
    "BudgetSpent",
    "ConnectionFailed",
    "Measurement",
    "PerformanceMonitor",
    "RequestError",
    "RequestRefused",
    "RetryingClient",
    "Sums",
    "UsageTracker",
]
