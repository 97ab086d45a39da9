"""The limits of an account, its users and its keys over HTTP; who may `billing` changes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import (
    AccountService,
    Caller,
    Door,
    Permission,
    actor_of,
    require,
)
from hearth.billing.pages import page_of
from hearth.billing.quotas.view import QuotaChange, QuotaView, read_soft_value, read_value, view
from hearth.errors import InvalidRequest, NotFound
from hearth.kit.bodies import check_mask, decode_body, read_mask
from hearth.limits import QuotaId, QuotaService

_CHANGEABLE = ("value", "amount", "softValue")
_METRICS = {
    QuotaId.GENERATED_TOKENS: "TOKENS_GENERATED",
    QuotaId.PROMPT_TOKENS: "TOKENS_PROMPT",
    QuotaId.UNCACHED_PROMPT_TOKENS: "TOKENS_CACHE_ADJUSTED_PROMPT",
}


Changed = Callable[[], Awaitable[None]]


def quota_routes(
    quotas: QuotaService,
    accounts: AccountService,
    caller_of: Callable[[Request], Caller],
    changed: Changed,
) -> list[Route]:
    """Every route of limits; the shortest paths are Fireworks' own.

    `changed` is awaited after a change and before its answer, so that this gateway's next request
    is held to it; other gateways follow the version row.
    """
    resource = _Quotas(quotas, accounts, Door(caller_of), changed)
    account = "/accounts/{account_id}"
    user = f"{account}/users/{{user_id}}"
    key = f"{user}/apiKeys/{{key_id}}"
    routes = [Route(f"{account}/serverlessRateLimits", resource.rates, methods=["GET"])]
    for owner in (account, user, key):
        one = f"{owner}/quotas/{{quota_id}}"
        routes += [
            Route(f"{owner}/quotas", resource.list, methods=["GET"]),
            Route(one, resource.get, methods=["GET"]),
            Route(one, resource.update, methods=["PATCH"]),
            Route(one, resource.delete, methods=["DELETE"]),
        ]
    return routes


class _Target(NamedTuple):
    """Whose limits are meant, and who asks."""

    subject: str
    caller: Caller


class _Quotas:
    def __init__(
        self,
        quotas: QuotaService,
        accounts: AccountService,
        door: Door[Request],
        changed: Changed,
    ) -> None:
        self._quotas = quotas
        self._accounts = accounts
        self._door = door
        self._changed = changed

    async def list(self, request: Request) -> Response:
        """List the limits that are set."""
        subject = (await self._target(request)).subject
        account_id = request.path_params["account_id"]
        found = [q for q in await self._quotas.list(account_id) if q.subject == subject]
        views = [view(await self._quotas.usage(quota)) for quota in found]
        page = page_of(views, request.query_params, QuotaView)
        mask = request.query_params.get("readMask", "")
        return _json(
            {
                "quotas": [read_mask(each, mask) for each in page.items],
                "nextPageToken": page.next_page_token,
                "totalSize": page.total_size,
            }
        )

    async def get(self, request: Request) -> Response:
        """Get a limit and what is used of it now."""
        subject = (await self._target(request)).subject
        return await self._shown(request, subject, _quota_id(request))

    async def update(self, request: Request) -> Response:
        """Change a limit, or set it with `allowMissing`."""
        target = await self._target(request)
        require(target.caller, Permission.BILLING)
        quota_id = _quota_id(request)
        check_mask(request.query_params.get("updateMask", ""), _CHANGEABLE)
        change = decode_body(await request.body(), QuotaChange)
        if quota_id is QuotaId.PREPAID_CREDIT:
            raise InvalidRequest(f"name: {quota_id} is moved by credit alone.", param="name")
        value, soft_value = read_value(quota_id, change), read_soft_value(quota_id, change)
        if request.query_params.get("allowMissing", "").lower() != "true":
            await self._quotas.get(target.subject, quota_id)
        await self._quotas.set(
            target.subject,
            quota_id,
            value,
            soft_value=soft_value,
            actor=actor_of(request, target.caller),
        )
        await self._changed()
        return await self._shown(request, target.subject, quota_id)

    async def delete(self, request: Request) -> Response:
        """Lift a limit."""
        target = await self._target(request)
        require(target.caller, Permission.BILLING)
        await self._quotas.remove(
            target.subject, _quota_id(request), actor=actor_of(request, target.caller)
        )
        await self._changed()
        return _json({})

    async def rates(self, request: Request) -> Response:
        """List the limits on tokens per minute of the account."""
        account_id = self._door.visit(request).account_id
        deployment = request.query_params.get("deployment") or "serverless"
        limits = [
            {
                "deployment": deployment,
                "metric": _METRICS[quota.quota_id],
                "effectiveLimit": float(quota.value),
            }
            for quota in await self._quotas.list(account_id)
            if quota.subject == f"accounts/{account_id}" and quota.quota_id in _METRICS
        ]
        return _json({"rateLimits": limits})

    async def _shown(self, request: Request, subject: str, quota_id: QuotaId) -> Response:
        quota = await self._quotas.get(subject, quota_id)
        shown = view(await self._quotas.usage(quota))
        return _json(read_mask(shown, request.query_params.get("readMask", "")))

    async def _target(self, request: Request) -> _Target:
        """Whose limits the path names: the account's, which everyone in it may see, a user's or a
        key's, which it and who may `billing` see."""
        caller, account_id = self._door.enter(request)
        params = request.path_params
        subject, user_id = f"accounts/{account_id}", params.get("user_id")
        if user_id is None:
            require(caller, Permission.READ)
        elif user_id != caller.user_id:
            require(caller, Permission.BILLING)
        if user_id is not None:
            await self._accounts.get_user(account_id, user_id)
            subject += f"/users/{user_id}"
        if "key_id" in params:
            await self._accounts.keys.get(account_id, str(user_id), params["key_id"])
            subject += f"/apiKeys/{params['key_id']}"
        return _Target(subject, caller)


def _quota_id(request: Request) -> QuotaId:
    text: str = request.path_params["quota_id"]
    try:
        return QuotaId(text)
    except ValueError as error:
        known = ", ".join(QuotaId)
        raise NotFound(f"There is no limit {text[:80]!r}; there are {known}.") from error


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
