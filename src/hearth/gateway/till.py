"""What a request costs, and what its caller's limits hold for it while it runs.

At admission the price in force is chosen and the most that the request may cost is held; at the end
the cost of what the engine counted takes its place. A caller without limits holds nothing and waits
for nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from hearth.engines.protocol import Hello, Usage
from hearth.errors import ApiError, PaymentRequired, RateLimited
from hearth.gateway.bounds import Bound, bound_of
from hearth.gateway.error_shapes import Headers
from hearth.gateway.http import Exchange
from hearth.gateway.job import Job, Work
from hearth.limits import NOTHING, Hold, Limits, RateState, Wallet
from hearth.pricing import Discount, PriceBooks, Quantities, Quote

LEAST_TOKENS = 256
"A choice that set no bound runs with what is left of a budget, if that is so many tokens."


class Charge:
    """The money of one request, from its admission to its end."""

    __slots__ = ("_hold", "_wallet", "bound", "quote", "time_ns")

    def __init__(self, quote: Quote | None, time_ns: int) -> None:
        self.quote = quote
        "None: it has no price, and costs nothing."
        self.time_ns = time_ns
        "Of its admission, by which it is priced and counted."
        self.bound = Bound(0, 0)
        "What its hold is for."
        self._wallet: Wallet | None = None
        self._hold = NOTHING

    def held_by(self, hold: Hold, wallet: Wallet) -> None:
        """Take note of what is held for it."""
        self._hold, self._wallet = hold, wallet

    @property
    def hold_ids(self) -> tuple[str, ...]:
        """The limits that hold money for it."""
        return self._hold.ids

    @property
    def held_nano(self) -> int:
        """The most that it may cost, where a limit holds it."""
        return self._hold.nano

    def cost(self, usage: Usage) -> int:
        """What this use costs, in nano-USD."""
        if self.quote is None:
            return 0
        return self.quote.rate.of_tokens(
            usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens
        )

    def most(self, bound: Bound) -> int:
        """What it may cost within a bound."""
        if self.quote is None:
            return 0
        return self.quote.rate.of_tokens(bound.prompt_tokens, 0, bound.completion_tokens)

    def settle(self, usage: Usage, cost_nano: int) -> None:
        """Give up what is held for it, once its settle is in the journal."""
        if self._hold is not NOTHING:
            used = Quantities(
                prompt_tokens=usage.prompt_tokens,
                cached_tokens=usage.cached_tokens,
                completion_tokens=usage.completion_tokens,
            )
            self._hold.settle(cost_nano, used)

    def release(self) -> None:
        """Give it up: the request never began."""
        self._hold.release()

    async def allow_prompt(self, job: Work, prompt_tokens: int) -> None:
        """Hold enough for a prompt of this length, and let the job have it.

        Raises:
            PaymentRequired, RateLimited, Unavailable: see `Wallet.acquire`.
        """
        assert self._wallet is not None, "nobody limits its prompt"
        bound = self.bound._replace(prompt_tokens=prompt_tokens)
        missing = self.most(bound) - self._hold.nano
        if missing > 0:
            await self._wallet.grow(self._hold, missing, self.time_ns)
        self.bound = bound
        if isinstance(job, Job):
            keep_to(job, bound)


class Till:
    """Prices requests and holds what they may cost.

    Args:
        books: the prices in force.
        limits: what callers may spend and how fast they may ask.
        now_ns: the clock of the journal.
    """

    def __init__(self, books: PriceBooks, limits: Limits, now_ns: Callable[[], int]) -> None:
        self._books = books
        self._limits = limits
        self._now_ns = now_ns

    def gate(self, exchange: Exchange) -> None:
        """Refuse a caller whose account is stopped; raises `AccountSuspended`."""
        self._limits.gate(exchange.caller)

    def charge(
        self, exchange: Exchange, job: Work, hello: Hello | None, discount: Discount
    ) -> Charge | None:
        """Price a job and hold its cost; None: that takes a look at the database."""
        charge = self._priced(exchange, job, discount)
        wallet = self._limits.wallet(exchange.caller)
        if wallet.is_empty:
            return charge
        bound = _bound(job, hello)
        hold = wallet.try_hold(charge.most(bound), charge.time_ns, job.num_choices)
        if hold is None:
            return None
        charge.held_by(hold, wallet)
        self._apply(charge, job, bound)
        return charge

    async def charge_later(
        self, exchange: Exchange, job: Work, hello: Hello | None, discount: Discount
    ) -> Charge:
        """The same, with a look at the database.

        Raises:
            PaymentRequired, RateLimited, Unavailable: see `Wallet.acquire`.
        """
        charge = self._priced(exchange, job, discount)
        wallet = self._limits.wallet(exchange.caller)
        if wallet.is_empty:
            return charge
        bound, now_ns = _bound(job, hello), charge.time_ns
        try:
            hold = await wallet.acquire(charge.most(bound), now_ns, job.num_choices)
        except (PaymentRequired, RateLimited) as refused:
            left = await wallet.affordable(now_ns)
            if left is None:
                raise
            fitted = fit(charge.most, bound, left, job)
            if fitted == bound:
                covered = _most(lambda num: charge.most(bound.up_to(num)) <= left, bound[1])
                raise _with_remedy(refused, covered // job.num_choices) from None
            bound = fitted
            hold = await wallet.acquire(charge.most(bound), now_ns, job.num_choices)
        charge.held_by(hold, wallet)
        self._apply(charge, job, bound)
        return charge

    def _priced(self, exchange: Exchange, job: Work, discount: Discount) -> Charge:
        now_ns = self._now_ns()
        if job.route.deployment:  # its accelerators are paid for, by the second
            return Charge(None, now_ns)
        subject = job.route.subject
        return Charge(
            self._books.quote(exchange.caller.account_id, now_ns, subject, discount), now_ns
        )

    def _apply(self, charge: Charge, job: Work, bound: Bound) -> None:
        """Let the worker keep to the bound, and the headers tell of the rates."""
        charge.bound = bound
        if charge.held_nano and isinstance(job, Job):
            keep_to(job, bound)
        wallet = charge._wallet
        rates = None if wallet is None else wallet.rates(charge.time_ns)
        if rates is not None:
            job.headers = [*job.headers, *rate_headers(rates)]


def keep_to(job: Job, bound: Bound) -> None:
    """Make a bound that is held the worker's own."""
    if bound.is_estimate:
        (part,) = job.parts
        job.parts = [replace(part, max_prompt_tokens=bound.prompt_tokens)]
    if bound.is_capped:
        each = bound.completion_tokens // job.num_choices
        job.parts = [
            replace(part, max_tokens=each, context_overflow="truncate") for part in job.parts
        ]


def rate_headers(state: RateState) -> Headers:
    """What the answer says of the caller's rates."""
    headers: Headers = []
    for name, limit, remaining in (
        (b"requests", state.limit_requests, state.remaining_requests),
        (b"tokens-prompt", state.limit_tokens_prompt, state.remaining_tokens_prompt),
        (b"tokens-generated", state.limit_tokens_generated, state.remaining_tokens_generated),
        (
            b"tokens-cache-adjusted-prompt",
            state.limit_tokens_uncached,
            state.remaining_tokens_uncached,
        ),
    ):
        if limit is not None and remaining is not None:
            headers.append((b"x-ratelimit-limit-" + name, b"%d" % limit))
            headers.append((b"x-ratelimit-remaining-" + name, b"%d" % remaining))
    headers.append((b"x-ratelimit-over-limit", b"yes" if state.is_over_limit else b"no"))
    return headers


def _bound(job: Work, hello: Hello | None) -> Bound:
    assert hello is not None, "a replica that was found has said hello"
    return bound_of(job, hello)


def fit(cost_of: Callable[[Bound], int], bound: Bound, left: int, job: Work) -> Bound:
    """Lower a bound to what is left of a budget, where that is of use.

    An answer without a bound of its own gets one, of no less than `LEAST_TOKENS`. A prompt that is
    only estimated may turn out to be shorter: the worker counts it.
    """
    if cost_of(bound) <= left:
        return bound
    lowest = bound
    if isinstance(job, Job) and any(part.max_tokens is None for part in job.parts):
        least = min(LEAST_TOKENS * job.num_choices, bound.completion_tokens)
        most = _most(lambda num: cost_of(bound.up_to(num)) <= left, bound.completion_tokens)
        if most >= least:
            return bound.up_to(most)
        lowest = bound.up_to(least)
    if bound.is_estimate:
        most = _most(
            lambda num: cost_of(lowest._replace(prompt_tokens=num)) <= left, bound.prompt_tokens
        )
        if most > 0:
            return lowest._replace(prompt_tokens=most)
    return bound


def _most(is_covered: Callable[[int], bool], high: int) -> int:
    """The largest number up to `high` that is covered; 0 if none is."""
    low = 0
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if is_covered(middle) else (low, middle - 1)
    return low


def _with_remedy(refused: ApiError, covered: int) -> ApiError:
    """Say what would be covered, in tokens of each choice."""
    if covered < 1 or not isinstance(refused, PaymentRequired):
        return refused
    text = f"{refused.message} With 'max_tokens': {covered} it would be covered."
    return PaymentRequired(text, param="max_tokens", limit=refused.limit)
