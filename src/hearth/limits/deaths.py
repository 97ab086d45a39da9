"""What gateways that died held comes back to the others.

One whose journal's folder is in this home is dead when the kernel has dropped its folder's lock;
its journal is replayed first, so that nothing it spent is given out again. One of another machine
is taken for dead when it has not said for `LEASE_S` that it lives, by our own clock: no machine's
wall clock has a say in it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from hearth.kit.db import Database
from hearth.limits import store

LEASE_S = 15.0
"So long may a gateway use what it holds without reaching the database."
SILENCE_S = LEASE_S + 5.0  # the others wait a little longer, for clocks that run at other speeds

log = logging.getLogger(__name__)

Recover = Callable[[], Awaitable[object]]
"Replays the journals of this home's dead gateways, and gives up what each of them held."


class Deaths:
    """Looks for dead gateways among those that hold something.

    Args:
        instance: this process, which is alive.
        recover: see `Recover`.
        is_here: whether a gateway's journal is in this home.
        uptime: seconds that only ever grow.
    """

    def __init__(
        self,
        db: Database,
        instance: str,
        recover: Recover,
        is_here: Callable[[str], bool],
        uptime: Callable[[], float],
    ) -> None:
        self._db = db
        self._instance = instance
        self._recover = recover
        self._is_here = is_here
        self._uptime = uptime
        self._seen: dict[str, tuple[int, float]] = {}

    async def look(self) -> None:
        """Release what the dead hold.

        Raises:
            Unavailable: the database cannot be reached.
            OSError: a journal cannot be read or removed.
        """
        async with store.retryable(self._db.read()) as conn:
            holders = await store.list_holders(conn)
        holders.pop(self._instance, None)
        away = {name: time_ns for name, time_ns in holders.items() if not self._is_here(name)}
        if len(away) < len(holders):
            await self._recover()
        now_s = self._uptime()
        seen = {name: self._seen.get(name, (time_ns, now_s)) for name, time_ns in away.items()}
        self._seen = {
            name: was if was[0] == away[name] else (away[name], now_s) for name, was in seen.items()
        }
        for name, (time_ns, since_s) in self._seen.items():
            if now_s - since_s > SILENCE_S:
                await self._expire(name, time_ns)

    async def _expire(self, instance: str, time_ns: int) -> None:
        async with store.retryable(self._db.write()) as conn:
            is_gone = await store.expire(conn, instance, time_ns)
        if is_gone:
            log.warning("The gateway %s is silent; what it held of limits is free.", instance)
