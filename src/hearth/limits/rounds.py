"""One round of the lender, without its SQL: who of those that wait gets what.

Each limit keeps to this, over all gateways and at every moment:

    spent + what is leased to all gateways <= value

A round sees one state of the database, in which nobody else can take of the same limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hearth.errors import ApiError
from hearth.limits.allowance import Allowance
from hearth.limits.needs import Answer, Need, Room, Taken, Waiter
from hearth.limits.refusals import all_held, spent_out
from hearth.limits.store import Figures, LeaseRow

WAIT_LIMIT_S = 1.0  # for the others to give back what they do not use
SLACK_PARTS = 16  # slack is at most this part of what is left, so it shrinks near the limit


NOTHING = Figures(0, 0, 0, 0)


@dataclass(kw_only=True)
class Position:
    """One limit in one window, in this round.

    Args:
        allowance: what this process has of it.
        value: the limit; None: it is gone, or nobody asks for more of it.
        figures: what the database says of it.
    """

    hold_id: str
    allowance: Allowance
    value: int | None = None
    figures: Figures = NOTHING
    lent: int = field(init=False)
    "What the lease is without what is granted in this round."
    before: int = field(init=False)
    given: int = 0
    slack: int = 0
    is_exact: bool = False
    "Whether what was free is given back."
    is_short: bool = False
    is_recalling: bool = False

    def __post_init__(self) -> None:
        self.before = self.lent = self.allowance.granted

    @property
    def target(self) -> int:
        """What the lease becomes."""
        return self.lent + self.given + self.slack

    @property
    def left(self) -> int:
        """What nobody has."""
        assert self.value is not None
        return self.value - self.figures.spent - self.figures.others - self.target

    def give_back(self) -> None:
        """Keep only what is in use, from this moment on: until the commit nothing is free."""
        self.is_exact = True
        self.allowance.is_closed = True
        self.lent = self.allowance.granted = self.allowance.in_use

    def has_room(self, amount: int) -> bool:
        """Whether there is as much, what is free here included."""
        if self.left < amount and not self.is_exact:
            self.give_back()
        return self.left >= amount

    def add_slack(self) -> None:
        """Lend a little more than was asked, unless somebody may miss it."""
        is_missed = self.is_exact or self.is_short or self.figures.num_wanting > 0
        if self.given and not is_missed:
            demand = self.allowance.demand + self.given
            self.slack = max(0, min(demand, self.left // SLACK_PARTS))

    def row(self) -> LeaseRow:
        """What is written."""
        return LeaseRow(self.hold_id, self.target, self.is_short, self.is_exact)

    def committed(self) -> None:
        """The round is in the database."""
        self.allowance.granted = self.target
        self.allowance.is_wanted = self.is_short
        if self.value is not None:
            self.allowance.is_closed = self.left < 0
        self.allowance.is_doubtful = False

    def failed(self) -> None:
        """Nobody knows whether it is: keep what is safe in both cases."""
        self.allowance.granted = min(self.before, self.target)
        self.allowance.is_doubtful = True


class Round:
    """Decides for the requests that wait, in their order.

    Args:
        positions: every limit that is needed or given back, by hold id.
        now_s: by the process's clock.
        may_refuse: False while nobody knows whether the last costs are in the ledger.
    """

    def __init__(self, positions: dict[str, Position], now_s: float, *, may_refuse: bool) -> None:
        self.positions = positions
        self.now_s = now_s
        self._may_refuse = may_refuse
        self.answers: list[tuple[Waiter, Answer | ApiError]] = []
        self.recalls: list[tuple[Waiter, str]] = []

    def decide(self, waiters: Iterable[Waiter]) -> None:
        """Go through those that wait; who gets no answer waits on."""
        for waiter in waiters:
            needs = [need for need in waiter.needs if self._at(need).value is not None]
            answer = self._room(waiter, needs) if waiter.is_question else self._take(waiter, needs)
            if answer is not None:
                self.answers.append((waiter, answer))
        for position in self.positions.values():
            position.add_slack()

    def _at(self, need: Need) -> Position:
        return self.positions[need.hold_id]

    def _take(self, waiter: Waiter, needs: list[Need]) -> Answer | ApiError | None:
        short = [need for need in needs if not self._at(need).has_room(need.amount)]
        if short:
            return self._refusal(waiter, short)
        for need in needs:
            self._at(need).given += need.amount
        return Taken({need.hold_id: need.amount for need in needs})

    def _room(self, waiter: Waiter, needs: list[Need]) -> Room | None:
        if not needs:
            return Room(None)
        positions = [self._at(need) for need in needs]
        for position in positions:
            position.give_back()
        if self._recall_of(waiter, [p for p in positions if p.figures.others]):
            return None
        return Room(max(0, min(position.left for position in positions)))

    def _refusal(self, waiter: Waiter, short: list[Need]) -> ApiError | None:
        """Why there is too little for good, or None if it is worth waiting for the others."""
        is_late = self.now_s - waiter.since_s >= WAIT_LIMIT_S
        if not self._may_refuse and not is_late:
            return None
        for need in short:
            position = self._at(need)
            if position.left + position.figures.others < need.amount:
                return _refused(need, position)
        positions = [self._at(need) for need in short]
        if self._recall_of(waiter, positions):
            return None
        return _refused(short[0], positions[0])

    def _recall_of(self, waiter: Waiter, positions: list[Position]) -> bool:
        """Ask the others for what they do not use; False once they have answered, or may not."""
        if self.now_s - waiter.since_s >= WAIT_LIMIT_S:
            return False
        is_waiting = False
        for position in positions:
            if position.hold_id not in waiter.recalled:
                position.is_recalling = True
                self.recalls.append((waiter, position.hold_id))
            elif not position.figures.num_recalled:
                continue
            position.is_short = is_waiting = True
        return is_waiting

    def committed(self) -> None:
        """The round is in the database."""
        for position in self.positions.values():
            position.committed()
        for waiter, hold_id in self.recalls:
            waiter.recalled.add(hold_id)

    def failed(self) -> None:
        """The round broke off, and may be in the database all the same."""
        for position in self.positions.values():
            position.failed()


def _refused(need: Need, position: Position) -> ApiError:
    value, figures, allowance = position.value, position.figures, position.allowance
    assert value is not None
    spent = figures.spent + allowance.unapplied
    whole = need._replace(amount=need.amount + need.already)
    if need.is_spend and value - spent < whole.amount:
        return spent_out(whole, value=value, spent=spent)
    held = figures.others + position.target - allowance.unapplied - need.already
    return all_held(whole, value=value, spent=spent, held=held)
