"""Who used private deployments and who was turned away: in the audit log, never what was said.

An inference request has its own row in the ledger, as every other: who, when, how many tokens.
The audit log says the same of people: an entry for each caller, deployment and address in each
hour, and in each gateway process. Where a compliance mode asks for it, the first request of an
hour waits until its entry is written, and is refused while that is impossible.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine
from typing import Any, NamedTuple

from hearth.accounts import Actor, AuditEntry, Caller, Role, Status, record
from hearth.errors import Unavailable
from hearth.gateway.networks import Senders, written
from hearth.gateway.private_endpoints import Arrival
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database

log = logging.getLogger(__name__)

METHOD = "AccessDeployment"
SERVED = "served"
_HOUR_S = 3600
_MAX_KEYS = 10_000  # addresses and keys are the callers' to vary


class _Key(NamedTuple):
    deployment: str
    outcome: str
    key_id: str
    sender: str


class AccessLog:
    """Writes down who came to private deployments.

    Args:
        db: where the audit log is.
        senders: says who really sends a request.
        clock: tells the present moment.
    """

    def __init__(self, db: Database, senders: Senders, clock: Clock = utc_now) -> None:
        self._db = db
        self._senders = senders
        self._clock = clock
        self._hour = 0
        self._written: set[_Key] = set()
        self._writing: set[asyncio.Task[None]] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        "How often, by deployment and outcome, since the process started."

    def refused(self, arrival: Arrival, caller: Caller, deployment: str, reason: str) -> None:
        """See `Watch`; the entry follows when it can."""
        self.counts[deployment, reason] += 1
        key = self._new_key(arrival, caller, deployment, reason)
        if key is None or len(self._written) >= _MAX_KEYS:
            return
        self._written.add(key)
        log.warning(
            "%s turned away a request from %s (%s); %d in all.",
            deployment, key.sender, reason, self.counts[deployment, reason],
        )  # fmt: skip
        task = asyncio.ensure_future(self._write_soon(key, _actor(arrival, caller, key)))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def admitted(
        self, arrival: Arrival, caller: Caller, deployment: str
    ) -> Coroutine[Any, Any, None] | None:
        """What must have ended before the request is served; None: it may be at once.

        The coroutine raises `Unavailable` when the entry cannot be written.
        """
        self.counts[deployment, SERVED] += 1
        key = self._new_key(arrival, caller, deployment, SERVED)
        return None if key is None else self._write(key, _actor(arrival, caller, key))

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._writing:
            await asyncio.wait(self._writing)

    def _new_key(
        self, arrival: Arrival, caller: Caller, deployment: str, outcome: str
    ) -> _Key | None:
        """What an entry of this hour is known by; None: it is written."""
        hour = int(self._clock().timestamp()) // _HOUR_S
        if hour != self._hour:
            self._hour = hour
            self._written.clear()
        sender = written(self._senders.of(arrival.peer_host, arrival.lines))
        key = _Key(deployment, outcome, caller.key_id, sender)
        return None if key in self._written else key

    async def _write(self, key: _Key, actor: Actor) -> None:
        entry = AuditEntry(
            actor=actor,
            method=METHOD,
            resource=key.deployment,
            payload={"outcome": key.outcome},
            status=Status(code="OK" if key.outcome == SERVED else "PERMISSION_DENIED"),
        )
        async with self._db.write() as conn:
            await record(conn, entry, clock=self._clock)
        self._written.add(key)

    async def _write_soon(self, key: _Key, actor: Actor) -> None:
        try:
            await self._write(key, actor)
        except Unavailable as error:
            log.warning("Who was turned away is not in the audit log: %s", error)


def _actor(arrival: Arrival, caller: Caller, key: _Key) -> Actor:
    """Who came; of another account nothing is told but from where."""
    if caller.account_id != key.deployment.split("/")[1]:
        return Actor(principal="another account", client_ip=key.sender)
    agent = arrival.headers.get(b"user-agent", b"")
    return Actor(
        principal=f"accounts/{caller.account_id}/users/{caller.user_id}",
        is_admin=caller.role == Role.ADMIN,
        api_key_id=caller.key_id,
        client_ip=key.sender,
        user_agent=agent.decode("latin-1"),
    )
