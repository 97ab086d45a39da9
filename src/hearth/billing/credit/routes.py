"""Credit over HTTP: what is left, and codes to redeem. Nothing here grants or adjusts any."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Caller, Door, Permission, actor_of, require, require_account
from hearth.billing.credit.balance import Balances
from hearth.billing.credit.codes import CreditCodes
from hearth.billing.money import Money, to_money
from hearth.billing.types import Redemption
from hearth.kit.bodies import ShortText, decode_body, read_mask
from hearth.kit.clock import from_ns, to_rfc3339
from hearth.kit.pages import list_query


class _Redeeming(Struct, rename="camel"):
    code: ShortText
    name: ShortText = ""
    "Whose it becomes: `accounts/{account}`; empty: the caller's."


class _Redeemed(Struct, rename="camel"):
    amount: Money


def credit_routes(
    balances: Balances, codes: CreditCodes, caller_of: Callable[[Request], Caller]
) -> list[Route]:
    """Every route of credit."""
    resource = _Credit(balances, codes, caller_of)
    account = "/accounts/{account_id}"
    return [
        Route("/creditCodes:redeem", resource.redeem, methods=["POST"]),
        Route(f"{account}/creditRedemptions", resource.redemptions, methods=["GET"]),
        Route(f"{account}/billing/balance", resource.balance, methods=["GET"]),
    ]


class _Credit:
    def __init__(
        self, balances: Balances, codes: CreditCodes, caller_of: Callable[[Request], Caller]
    ) -> None:
        self._balances = balances
        self._codes = codes
        self._caller_of = caller_of
        self._door = Door(caller_of)

    async def redeem(self, request: Request) -> Response:
        """Turn a credit code into credit of the account."""
        caller = self._caller_of(request)
        require(caller, Permission.BILLING)
        body = decode_body(await request.body(), _Redeeming)
        account_id = body.name.removeprefix("accounts/") or caller.account_id
        require_account(caller, account_id)
        amount = await self._codes.redeem(account_id, body.code, actor_of(request, caller))
        return _json(_Redeemed(amount=to_money(amount)))

    async def redemptions(self, request: Request) -> Response:
        """List the credit codes that the account has redeemed."""
        account_id = self._door.visit(request).account_id
        params = request.query_params
        page = await self._codes.list_redemptions(account_id, list_query(params))
        mask = params.get("readMask", "")
        return _json(
            {
                "creditRedemptions": [
                    read_mask(_redemption(account_id, each), mask) for each in page.items
                ],
                "nextPageToken": page.next_page_token,
                "totalSize": page.total_size,
            }
        )

    async def balance(self, request: Request) -> Response:
        """Get the credit that is left, how the account pays, and what it owes."""
        account_id = self._door.visit(request).account_id
        return _json(await self._balances.get(account_id))


def _redemption(account_id: str, redeemed: Redemption) -> dict[str, object]:
    """The code itself is kept nowhere: the start of its digest stands for it."""
    short = redeemed.digest[:16]
    return {
        "name": f"accounts/{account_id}/creditRedemptions/{short}",
        "creditCode": f"sha256:{short}",
        "createTime": to_rfc3339(from_ns(redeemed.time_ns)),
        "amount": msgspec.to_builtins(to_money(redeemed.amount_nano)),
    }


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
