"""Routers as requests name them: which of a router's deployments a request goes to.

The names are `accounts/A/routers/R`, and for the router's own account its aliases, which come
before models: who gives a router the id of a model wants its requests there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from random import Random
from urllib.parse import unquote

from msgspec import Struct

from hearth.deployments import ROUTER_KIND, RouterPlan, choose_deployment, plan_of
from hearth.errors import ModelNotFound, Unavailable
from hearth.kit.db import Database
from hearth.resources import Documents

log = logging.getLogger(__name__)

WAKE_EVERY_S = 5.0
"How often a deployment that misses its turns is asked for again."
_COLLECTION = "/routers/"


class Turn(Struct, frozen=True, kw_only=True):
    """Where one request for a router goes."""

    router: str
    deployment: str
    account_id: str
    "Whose they are."
    left_out: tuple[str, ...] = ()
    "The router's deployments that are not ready."


class KnownRouter(Struct, frozen=True, kw_only=True):
    """A router, as far as a request needs to know it."""

    name: str
    account_id: str
    is_public: bool
    plan: RouterPlan


class Balancer:
    """Every router, as of the last `refresh`.

    Args:
        db: where they are.
        load_of: how many requests a deployment works on; None: no replica of it is ready.
        request_pool: asks for replicas of a deployment whose turn it was while it had none.
        random: draws.
        now_s: tells when something was asked for last.
    """

    def __init__(
        self,
        db: Database,
        load_of: Callable[[str], int | None],
        request_pool: Callable[[str], Awaitable[None]],
        *,
        random: Random,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._load_of = load_of
        self._request_pool = request_pool
        self._random = random
        self._now_s = now_s
        self._documents = Documents(ROUTER_KIND)
        self._routers: dict[str, KnownRouter] = {}
        self._aliases: dict[tuple[str, str], KnownRouter] = {}
        self._woken_s: dict[str, float] = {}
        self._waking: set[asyncio.Task[None]] = set()

    async def refresh(self) -> None:
        """Learn what changed."""
        async with self._db.read() as conn:
            stored = await self._documents.every(conn)
        self._routers, self._aliases = {}, {}
        for each in stored:
            known = KnownRouter(
                name=each.name,
                account_id=each.account_id,
                is_public=each.resource.public,
                plan=plan_of(each.resource),
            )
            self._routers[each.name] = known
            for alias in each.resource.aliases:
                self._aliases[each.account_id, alias] = known

    def find(self, name: str, account_id: str) -> KnownRouter | None:
        """The router that an account means by a name; None: it names none.

        Raises:
            ModelNotFound: it has the form of a router's name, and the account may call none so.
        """
        if self._aliases and (known := self._aliases.get((account_id, name))) is not None:
            return known
        name = unquote(name) if "%" in name else name
        if _COLLECTION not in name or not name.startswith("accounts/"):
            return None
        known = self._routers.get(name)
        if known is None or not (known.is_public or known.account_id == account_id):
            raise ModelNotFound(
                f"There is no router {name[:200]} that the account {account_id} may call: "
                "`firectl list routers` lists its own."
            )
        return known

    def turn(self, router: KnownRouter, session: str | None) -> Turn:
        """Where a request for a router goes.

        Args:
            router: as `find` gave it.
            session: requests of the same session go to the same deployment; None: of no session.
        """
        loads = {name: self._load_of(name) for name, _ in router.plan.weights}
        ready = {name: load for name, load in loads.items() if load is not None}
        choice = choose_deployment(router.plan, ready, self._random, session or "")
        if choice.missed and choice.deployment is not None:
            self._wake(choice.missed)
        return Turn(
            router=router.name,
            deployment=choice.deployment or choice.missed,  # which is then waited for, or refused
            account_id=router.account_id,
            left_out=choice.left_out,
        )

    def _wake(self, deployment: str) -> None:
        """Ask for it without waiting: others answer meanwhile."""
        now_s = self._now_s()
        if now_s - self._woken_s.get(deployment, -WAKE_EVERY_S) < WAKE_EVERY_S:
            return
        self._woken_s[deployment] = now_s
        task = asyncio.create_task(self._ask_for(deployment), name=f"wake {deployment}")
        self._waking.add(task)
        task.add_done_callback(self._waking.discard)

    async def _ask_for(self, deployment: str) -> None:
        try:
            await self._request_pool(deployment)
        except Unavailable as error:
            log.warning("%s is not asked for: %s", deployment, error)

    async def close(self) -> None:
        """Let what is being asked for be asked for."""
        await asyncio.gather(*self._waking)
