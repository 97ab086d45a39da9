"""An allowance's parts always add up, in whatever order requests end and the ledger takes them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hearth.limits.allowance import Allowance


@given(st.data(), st.integers(0, 10_000))
def test_what_is_granted_is_free_held_or_unapplied(data: st.DataObject, granted: int) -> None:
    allowance = Allowance()
    allowance.granted = granted
    running: list[int] = []
    unapplied: list[int] = []
    spent = 0
    for _ in range(data.draw(st.integers(0, 30))):
        what = data.draw(st.sampled_from(["hold", "settle", "apply"]))
        if what == "hold" and allowance.free > 0:
            running.append(data.draw(st.integers(1, allowance.free)))
            allowance.hold(running[-1], 0.0)
        elif what == "settle" and running:
            amount = running.pop()
            unapplied.append(data.draw(st.integers(0, amount)))
            allowance.settle(amount, unapplied[-1])
        elif what == "apply" and unapplied:
            spent += unapplied[-1]
            allowance.applied(unapplied.pop())
        assert allowance.held == sum(running)
        assert allowance.unapplied == sum(unapplied)
        assert allowance.granted == granted - spent
        assert allowance.free == granted - spent - sum(running) - sum(unapplied) >= 0


def test_it_does_not_matter_whether_the_ledger_or_the_gateway_is_first() -> None:
    first, second = Allowance(), Allowance()
    for allowance in (first, second):
        allowance.granted = 100
        allowance.hold(60, 0.0)

    first.settle(60, 20)
    first.applied(20)
    second.applied(20)
    second.settle(60, 20)

    assert first.free == second.free == 80
