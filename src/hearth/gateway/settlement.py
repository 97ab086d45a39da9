"""The two journal records of one request: admitted, and settled exactly once."""

from __future__ import annotations

from typing import NamedTuple

from hearth.engines.protocol import Usage
from hearth.gateway.http import Exchange
from hearth.gateway.job import Work
from hearth.gateway.run import Run
from hearth.gateway.till import Charge
from hearth.metering import Begin, Outcome, Settle


def begin_record(exchange: Exchange, job: Work, charge: Charge) -> Begin:
    """What is recorded before the work starts."""
    caller, route, quote = exchange.caller, job.route, charge.quote
    return Begin(
        request_id=exchange.request_id,
        time_ns=charge.time_ns,
        account_id=caller.account_id,
        user_id=caller.user_id,
        key_id=caller.key_id,
        model=route.model,
        served_by=route.served_by,
        route=exchange.path,
        max_tokens=job.max_tokens,
        unit=route.subject.unit,
        deployment=route.deployment,
        price_version="" if quote is None else quote.version,
        price="" if quote is None else quote.price,
        discount_bp=0 if quote is None else quote.discount_bp,
        holds=charge.hold_ids,
        held_nano=charge.held_nano,
    )


class End(NamedTuple):
    """How a run ended, beside what it used."""

    time_ns: int
    status: int
    cost_nano: int


def settle_record(run: Run, usage: Usage, outcome: Outcome, end: End) -> Settle:
    """What is recorded before the answer's last bytes go out."""
    return Settle(
        request_id=run.exchange.request_id,
        time_ns=end.time_ns,
        outcome=outcome,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        http_status=end.status,
        replica_id=run.generation.replica_id,
        cost_nano=end.cost_nano,
        adapter_digest=usage.adapter_digest,
    )
