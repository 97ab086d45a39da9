"""The part of one limit that this process may give out by itself, in memory.

    granted = free + held + unapplied

`granted` is what the database knows as this process's lease, or less. Requests hold upper bounds;
what they really cost stays unapplied until the ledger has it, and then leaves `granted` in the
same transaction in which the ledger's sum grows.
"""

from __future__ import annotations


class Allowance:
    """Amounts are nano-USD, or requests where the limit is on how many run at once."""

    __slots__ = (
        "demand",
        "granted",
        "held",
        "is_closed",
        "is_doubtful",
        "is_wanted",
        "unapplied",
        "used_s",
    )

    def __init__(self) -> None:
        self.granted = 0
        self.held = 0
        "The bounds of the requests that run."
        self.unapplied = 0
        "The cost of those that have ended and are not in the ledger."
        self.demand = 0
        "How much was taken lately: what one may want again soon."
        self.used_s = 0.0
        "When something was last taken."
        self.is_closed = False
        "Whether the limit may be lower than it by now: what ends is not held again without a look."
        self.is_wanted = False
        "Whether the lease's row says that we wait for more than there is."
        self.is_doubtful = False
        "Whether the row may hold another amount than `granted`: a commit was lost on the way."

    @property
    def free(self) -> int:
        """What nothing is held for; negative when requests cost more than they held."""
        return self.granted - self.held - self.unapplied

    @property
    def in_use(self) -> int:
        """What cannot be given back."""
        return self.held + self.unapplied

    @property
    def is_empty(self) -> bool:
        """Whether nothing is lost when it is forgotten."""
        return not (
            self.granted or self.held or self.unapplied or self.is_wanted or self.is_doubtful
        )

    def covers(self, amount: int) -> bool:
        """Whether so much can be held without a look at the database."""
        return self.free >= amount and not self.is_closed

    def hold(self, amount: int, now_s: float) -> None:
        """Take from what is free; the caller has seen that it covers it."""
        self.held += amount
        self.demand += amount
        self.used_s = now_s

    def settle(self, amount: int, cost: int) -> None:
        """End a hold: its cost waits for the ledger, the rest is free again."""
        self.held -= amount
        self.unapplied += cost

    def applied(self, cost: int) -> None:
        """Take note that a cost is in the ledger, and the lease smaller by as much."""
        self.granted -= cost
        self.unapplied -= cost
