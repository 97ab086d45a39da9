"""Billing the time for which replicas hold accelerators, to the second.

A span is fixed when it falls due and billed under an id made of the replica and the span's start:
however often it is posted, it counts once. What a controller that died had not billed yet is not
billed: nobody can say how long the replica lived on.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from hearth.deployments.placement import AcceleratorType
from hearth.deployments.types import Replica
from hearth.metering import Event
from hearth.pricing import Quote, Subject, Unit

SECOND_NS = 1_000_000_000
SPAN_S = 30
"How much a crash of the controller may cost the operator, and how often the ledger gets a row."

QuoteOf = Callable[[str, int, Subject], Quote | None]
"The price for an account, at a time, of a subject."


class Span(Struct, frozen=True, kw_only=True):
    """So long a replica held its accelerators."""

    replica: Replica
    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> int:
        """Whole ones."""
        return (self.end_ns - self.start_ns) // SECOND_NS


def due(replica: Replica, now_ns: int) -> Span | None:
    """The span of a running replica to bill now, if one is long enough."""
    return _span(replica, now_ns, least_s=SPAN_S)


def last(replica: Replica, end_ns: int) -> Span | None:
    """What is left to bill of a replica that ended; a part of a second is not."""
    return _span(replica, end_ns, least_s=1)


def _span(replica: Replica, until_ns: int, *, least_s: int) -> Span | None:
    if replica.accelerator_type in ("", AcceleratorType.CPU):
        return None
    start_ns = replica.billed_time_ns
    seconds = (until_ns - start_ns) // SECOND_NS
    if seconds < least_s:
        return None
    return Span(replica=replica, start_ns=start_ns, end_ns=start_ns + seconds * SECOND_NS)


def event_of(span: Span, quote_of: QuoteOf) -> Event:
    """A span as the ledger takes it; an accelerator without a price costs nothing."""
    replica = span.replica
    account_id = replica.pool.split("/")[1]
    units = span.seconds * replica.accelerator_count
    subject = Subject(unit=Unit.GPU_SECONDS, accelerator=replica.accelerator_type)
    quote = quote_of(account_id, span.start_ns, subject)
    return Event(
        event_id=f"gpu-{replica.id}-{span.start_ns}",
        time_ns=span.start_ns,
        end_time_ns=span.end_ns,
        account_id=account_id,
        kind="/deployments",
        unit=Unit.GPU_SECONDS,
        units=units,
        cost_nano=0 if quote is None else quote.rate.of_units(units),
        model=replica.model,
        deployment=replica.pool,
        price_version="" if quote is None else quote.version,
        price="" if quote is None else quote.price,
        discount_bp=0 if quote is None else quote.discount_bp,
    )
