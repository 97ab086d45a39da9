"""The two journal records of one request: admitted, and settled exactly once."""

from __future__ import annotations

import time

from hearth.engines.protocol import Usage
from hearth.gateway.http import Exchange
from hearth.gateway.job import Work
from hearth.gateway.run import Run
from hearth.metering import Begin, Outcome, Settle


def begin_record(exchange: Exchange, job: Work) -> Begin:
    """What is recorded before the work starts."""
    caller, route = exchange.caller, job.route
    return Begin(
        request_id=exchange.request_id,
        time_ns=time.time_ns(),
        account_id=caller.account_id,
        user_id=caller.user_id,
        key_id=caller.key_id,
        model=route.model,
        served_by=route.served_by,
        route=exchange.path,
        max_tokens=job.max_tokens,
    )


def settle_record(run: Run, usage: Usage, outcome: Outcome, *, status: int) -> Settle:
    """What is recorded before the answer's last bytes go out."""
    return Settle(
        request_id=run.exchange.request_id,
        time_ns=time.time_ns(),
        outcome=outcome,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        http_status=status,
        replica_id=run.generation.replica_id,
    )
