"""How the ledger keeps up with the journal, for operators."""

from __future__ import annotations

from hearth.kit.histograms import Histogram

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Pace:
    """Counts since this process started."""

    def __init__(self) -> None:
        self.num_requests = 0
        "Brought into the ledger."
        self.num_errors = 0
        "Rounds that the database or the disk broke off; each is tried again."
        self.batch_s = Histogram(BOUNDS_S)
        "Of each transaction, from its start to its commit."

    def applied(self, num_requests: int, seconds: float) -> None:
        """A transaction is in."""
        if num_requests:
            self.num_requests += num_requests
            self.batch_s.observe(seconds)
