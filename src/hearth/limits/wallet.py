"""All limits that bind one key, and what a request holds of them while it runs."""

from __future__ import annotations

from collections.abc import Sequence

from hearth.limits.allowance import Allowance
from hearth.limits.lender import Lender
from hearth.limits.needs import Need, running, spending
from hearth.limits.pacer import Pacer
from hearth.limits.rates import Meter, RateState, state_of, used_of
from hearth.limits.types import WINDOWS, Quota
from hearth.limits.windows import DAY_NS
from hearth.pricing import Quantities


class Hold:
    """What one request, or the choices of one, hold; end it once, by `settle` or `release`."""

    __slots__ = ("_meters", "_parts", "ids", "nano")

    def __init__(
        self,
        nano: int = 0,
        spend: dict[str, Allowance] | None = None,
        run: Sequence[tuple[Allowance, int]] = (),
        meters: tuple[Meter, ...] = (),
    ) -> None:
        self.ids = tuple(spend or ())
        "For `Begin.holds`: the budgets among them."
        self.nano = nano if spend else 0
        "For `Begin.held_nano`."
        parts = [(allowance, nano, True) for allowance in (spend or {}).values()]
        self._parts = (*parts, *((allowance, count, False) for allowance, count in run))
        self._meters = meters

    def settle(self, cost_nano: int, used: Quantities | None = None) -> None:
        """The request has ended, and its settle with this cost is in the journal; later calls do
        nothing.

        Args:
            used: its tokens, for the rates.
        """
        parts, self._parts = self._parts, ()
        for allowance, amount, is_spend in parts:
            allowance.settle(amount, cost_nano if is_spend else 0)
        meters, self._meters = self._meters, ()
        for meter in meters if used is not None else ():
            assert used is not None
            meter.debit += used_of(
                meter.quota.quota_id,
                used.prompt_tokens,
                used.cached_tokens,
                used.completion_tokens,
            )

    def add(self, more_nano: int, parts: Sequence[tuple[Allowance, int]]) -> None:
        """Hold more of the same; a request that has ended meanwhile holds nothing."""
        if not self._parts:
            for allowance, amount in parts:
                allowance.settle(amount, 0)
            return
        self.nano += more_nano
        self._parts = (*self._parts, *((allowance, amount, False) for allowance, amount in parts))

    def release(self) -> None:
        """The request never ran: it is in no journal, and costs nothing."""
        self.settle(0)


class Wallet:
    """The limits of a caller as of the last refresh; without any, all is covered at once."""

    def __init__(self, quotas: Sequence[Quota], lender: Lender, pacer: Pacer) -> None:
        self._lender = lender
        self._budgets = [q for q in quotas if WINDOWS[q.quota_id] != "minute"]
        rates = [q for q in quotas if WINDOWS[q.quota_id] == "minute"]
        self._pacer = pacer
        self._meters = tuple(pacer.meter(quota) for quota in rates)
        self._day = -1
        self._spend_ids: tuple[str, ...] = ()
        self._run_ids: tuple[str, ...] = ()
        self.is_empty = not quotas

    def try_hold(self, bound_nano: int, now_ns: int, num_requests: int = 1) -> Hold | None:
        """Hold what a request may cost at most, if it needs no look at the database.

        Args:
            now_ns: the time of its begin, which decides on the windows that it counts in.
            num_requests: how many choices it makes, for the rate of requests.
        """
        if self.is_empty:
            return NOTHING
        if not self._covers_rates(num_requests, now_ns):
            return None
        hold = self._try_budgets(bound_nano, now_ns) if self._budgets else Hold()
        if hold is None:
            return None
        return self._with_rates(hold, num_requests)

    async def acquire(self, bound_nano: int, now_ns: int, num_requests: int = 1) -> Hold:
        """Hold it, after a look at the database.

        Raises:
            PaymentRequired: a budget or the credit does not cover it.
            RateLimited: a rate is used up, or what runs holds the rest.
            Unavailable: the database cannot be reached.
        """
        if self.is_empty:
            return NOTHING
        is_paced = not self._covers_rates(num_requests, now_ns)
        if is_paced:
            await self._pacer.take(self._meters, num_requests)
        else:
            self._count(num_requests)
        needs = self._needs(bound_nano, now_ns)
        try:
            taken = await self._lender.take(needs) if needs else None
        except BaseException:
            for meter in self._meters:
                meter.put_back(num_requests)
            raise
        hold = Hold()
        if taken is not None:
            hold = self._hold(needs, taken.amounts, bound_nano)
        hold._meters = self._meters
        return hold

    async def grow(self, hold: Hold, more_nano: int, begin_ns: int) -> None:
        """Hold more for a request that runs, of the limits that hold something for it already.

        Args:
            begin_ns: the time of its begin.

        Raises:
            PaymentRequired: a budget or the credit does not cover it; nothing has changed.
            RateLimited: what runs holds the rest.
            Unavailable: the database cannot be reached.
        """
        needs = [
            need._replace(already=hold.nano)
            for need in spending(self._budgets, more_nano, begin_ns)
            if need.hold_id in hold.ids
        ]
        if needs:
            taken = await self._lender.take(needs)
            found = [(self._lender.find(hold_id), n) for hold_id, n in taken.amounts.items()]
            hold.add(more_nano, [(allowance, n) for allowance, n in found if allowance is not None])

    async def affordable(self, now_ns: int) -> int | None:
        """The most that one request may cost now, in nano-USD; None: nothing limits it.

        Raises:
            Unavailable: the database cannot be reached.
        """
        needs = spending(self._budgets, 1, now_ns)
        return await self._lender.room(needs) if needs else None

    def rates(self, now_ns: int) -> RateState | None:
        """What the headers say of the rates; None where there are none."""
        return state_of(self._meters, now_ns)

    def _needs(self, bound_nano: int, now_ns: int) -> list[Need]:
        return spending(self._budgets, bound_nano, now_ns) + running(self._budgets, 1, now_ns)

    def _hold(self, needs: list[Need], amounts: dict[str, int], bound_nano: int) -> Hold:
        spend, run = {}, []
        for need in needs:
            allowance = self._lender.find(need.hold_id)
            if need.hold_id in amounts and allowance is not None:
                if need.is_spend:
                    spend[need.hold_id] = allowance
                else:
                    run.append((allowance, need.amount))
        return Hold(bound_nano, spend, run)

    def _try_budgets(self, bound_nano: int, now_ns: int) -> Hold | None:
        if not self._lender.is_good:
            return None
        if now_ns // DAY_NS != self._day:
            self._day = now_ns // DAY_NS
            self._spend_ids = tuple(need.hold_id for need in spending(self._budgets, 1, now_ns))
            self._run_ids = tuple(need.hold_id for need in running(self._budgets, 1, now_ns))
        find, spend, run = self._lender.find, {}, []
        for hold_id in self._spend_ids if bound_nano else ():
            allowance = find(hold_id)
            if allowance is None or not allowance.covers(bound_nano):
                return None
            spend[hold_id] = allowance
        for hold_id in self._run_ids:
            allowance = find(hold_id)
            if allowance is None or not allowance.covers(1):
                return None
            run.append((allowance, 1))
        now_s = self._lender.uptime()
        for allowance in spend.values():
            allowance.hold(bound_nano, now_s)
        for allowance, count in run:
            allowance.hold(count, now_s)
        return Hold(bound_nano, spend, run)

    def _covers_rates(self, num_requests: int, now_ns: int) -> bool:
        if not self._meters:
            return True
        return self._pacer.covers(self._meters, num_requests, now_ns)

    def _count(self, num_requests: int) -> None:
        now_s = self._lender.uptime()
        for meter in self._meters:
            meter.take(num_requests, now_s)

    def _with_rates(self, hold: Hold, num_requests: int) -> Hold:
        if self._meters:
            self._count(num_requests)
            hold._meters = self._meters
        return hold


NOTHING = Hold()
"What is held where nothing is limited."
