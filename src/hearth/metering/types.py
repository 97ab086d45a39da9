"""The records of the usage journal, and what the ledger says about them.

Times are nanoseconds since the epoch, UTC. Every string is a name of ours (an id, a resource name,
a route), never a client's text: the ledger may be read by whoever may see a bill.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct


class Outcome(StrEnum):
    """How a request ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    "The client hung up, or a limit cut it; it owes the tokens produced."
    FAILED = "failed"
    "The engine or the gateway broke it."
    INTERRUPTED = "interrupted"
    "The gateway died before the request was settled: nothing was reported, nothing is owed."


class Begin(Struct, frozen=True, array_like=True, tag=1, kw_only=True, gc=False):
    """A request was admitted.

    Records are arrays: fields are added at the end, with a default, and never leave.
    """

    request_id: str
    time_ns: int
    account_id: str
    user_id: str
    key_id: str
    model: str
    "The full name of the model that was asked for."
    served_by: str
    "The full name of the model whose weights answer."
    route: str
    "The canonical path, such as `/chat/completions`."
    max_tokens: int | None = None
    "The most completion tokens the request may produce, over all its choices."
    unit: str = "tokens"
    "What it is priced by; see `pricing.Unit`."
    deployment: str = ""
    "The dedicated deployment that answers, by full name; empty: serverless."
    price_version: str = ""
    "The price book in force when it was admitted; empty: it is not priced."
    price: str = ""
    "The price in that book."
    discount_bp: int = 0
    "Off the whole of it, in hundredths of a percent."
    holds: tuple[str, ...] = ()
    "The limits that hold `held_nano` for it; see `limits.types.hold_id`."
    held_nano: int = 0
    "The most it may cost, in nano-USD; 0 where nothing limits it."


class Settle(Struct, frozen=True, array_like=True, tag=2, kw_only=True, gc=False):
    """A request ended; the counts are the engine's."""

    request_id: str
    time_ns: int
    outcome: Outcome
    prompt_tokens: int
    cached_tokens: int
    "How many of the prompt's tokens came from a cache; they are part of `prompt_tokens`."
    completion_tokens: int
    http_status: int
    replica_id: str = ""
    "Who answered; empty if the request never reached a replica."
    units: int = 0
    "What it used, where that is not tokens."
    cost_nano: int = 0
    "By the price its begin names."
    adapter_digest: str = ""
    "Of the adapter that answered, where one did."


Record = Begin | Settle


class Entry(NamedTuple):
    """One request, from its admission to its end: what becomes a row of the ledger."""

    begin: Begin
    settle: Settle


class Event(Struct, frozen=True, kw_only=True):
    """Something that is billed and is no request of a gateway: training, seconds of a GPU."""

    event_id: str
    "Unique among all events and requests: made once, and repeated when the call is."
    time_ns: int
    "When it began; it is billed then."
    account_id: str
    kind: str
    "What did it, as a path such as `/jobs/training`."
    unit: str
    "See `pricing.Unit`."
    units: int
    cost_nano: int = 0
    end_time_ns: int = 0
    "0: at once."
    user_id: str = ""
    key_id: str = ""
    model: str = ""
    deployment: str = ""
    adapter_digest: str = ""
    price_version: str = ""
    price: str = ""
    discount_bp: int = 0


class Lag(Struct, frozen=True, kw_only=True):
    """How far the ledger is behind the journal."""

    num_requests: int
    "Settled in the journal and not yet in the ledger."
    age_s: float
    "Since the oldest of them was settled."
    error: str | None
    "Why the last attempt to write the ledger failed; None once one has worked."


def subjects(account_id: str, user_id: str, key_id: str) -> tuple[str, str, str]:
    """Everyone whose limits bind a request: the account, the user, the key."""
    account = f"accounts/{account_id}"
    user = f"{account}/users/{user_id}"
    return account, user, f"{user}/apiKeys/{key_id}"
