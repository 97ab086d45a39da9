"""What is asked of the ledger, and what it answers. Times are nanoseconds, UTC; costs nano-USD."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

from msgspec import Struct

Dimension = Literal["model", "key", "user", "deployment", "unit", "price"]

MAX_INTERVALS = 5_000  # such as the minutes of three days


class UsageQuery(Struct, frozen=True, kw_only=True):
    """Which usage of an account is summed, and how finely.

    Raises:
        ValueError: the times are not in order, or there are too many.
    """

    account_id: str
    start_ns: int
    end_ns: int
    "Excluded."
    group_by: tuple[Dimension, ...] = ()
    "What the sums are told apart by; a price by its book's version as well."
    splits_ns: tuple[int, ...] = ()
    "Moments after the start and before the end where a new interval begins; see `day_starts`."

    def __post_init__(self) -> None:
        moments = self.moments_ns
        if any(first >= second for first, second in pairwise(moments)):
            raise ValueError("The times of a usage query must grow from its start to its end.")
        if len(moments) - 1 > MAX_INTERVALS:
            raise ValueError(f"A usage query may have {MAX_INTERVALS} intervals at most.")

    @property
    def moments_ns(self) -> tuple[int, ...]:
        """Where each interval begins, and where the last one ends."""
        return (self.start_ns, *self.splits_ns, self.end_ns)


class UsageSum(Struct, frozen=True, kw_only=True):
    """What was used in an interval; names that are not asked for are empty."""

    start_ns: int
    "Of the interval."
    model: str = ""
    key_id: str = ""
    user_id: str = ""
    deployment: str = ""
    unit: str = ""
    price_version: str = ""
    price: str = ""
    num_events: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    units: int
    cost_nano: int


class UsageRow(NamedTuple):
    """What a bill needs of a row of the ledger; the fields are those of `Begin` and `Settle`.

    Whatever more is read costs as much again: a month may have a million of them.
    """

    request_id: str
    user_id: str
    key_id: str
    model: str
    deployment: str
    begin_time_ns: int
    bill_time_ns: int
    "When it counts: at its begin, or, where that period was closed, at the close."
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    unit: str
    units: int
    adapter_digest: str
    price_version: str
    price: str
    discount_bp: int
    cost_nano: int


class Difference(Struct, frozen=True, kw_only=True):
    """A sum that is not what its rows add up to."""

    table: str
    key: tuple[str, ...]
    "The sum's primary key."
    missing: dict[str, int]
    "By column, what the rows have more than the sum; negative: less."


class LedgerCheck(Struct, frozen=True, kw_only=True):
    """What a check of the whole ledger found."""

    num_rows: dict[str, int]
    "By outcome."
    differences: list[Difference]
    "Never any, unless somebody wrote into the database; the first thousand."
