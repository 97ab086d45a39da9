"""Invoices over HTTP: read in three forms; none is made, changed or issued here."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Caller, Door
from hearth.billing.invoices.csv_form import invoice_csv
from hearth.billing.invoices.document import InvoiceHead
from hearth.billing.invoices.issuing import Invoices, invoice_json
from hearth.billing.invoices.page import invoice_page
from hearth.billing.invoices.what_if import Repricing
from hearth.billing.pages import page_of
from hearth.errors import InvalidRequest
from hearth.kit.bodies import read_mask

_FORMS = {
    "json": ("application/json", invoice_json),
    "csv": ("text/csv", invoice_csv),
    "html": ("text/html", invoice_page),
}
# A page that is opened beside others: it runs nothing and fetches nothing, whatever is in it.
_PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "x-content-type-options": "nosniff",
}


def invoice_routes(
    invoices: Invoices, repricing: Repricing, caller_of: Callable[[Request], Caller]
) -> list[Route]:
    """Every route of invoices; `whatIf` before the one whose pattern would take it too."""
    resource = _Invoices(invoices, repricing, Door(caller_of))
    path = "/accounts/{account_id}/invoices"
    return [
        Route(path, resource.list, methods=["GET"]),
        Route(f"{path}/{{month}}:whatIf", resource.what_if, methods=["GET"]),
        Route(f"{path}/{{month}}", resource.get, methods=["GET"]),
    ]


class _Invoices:
    def __init__(self, invoices: Invoices, repricing: Repricing, door: Door[Request]) -> None:
        self._invoices = invoices
        self._repricing = repricing
        self._door = door

    async def list(self, request: Request) -> Response:
        """List the invoices that were issued, with `pending=true` also the drafts."""
        account_id = self._door.visit(request).account_id
        params = request.query_params
        pending = params.get("pending", "false").lower()
        if pending not in {"true", "false"}:
            raise InvalidRequest("pending: write true or false.", param="pending")
        heads = await self._invoices.list(account_id, pending=pending == "true")
        page = page_of(heads, params, InvoiceHead)
        mask = params.get("readMask", "")
        return _json(
            {
                "invoices": [read_mask(each, mask) for each in page.items],
                "nextPageToken": page.next_page_token,
                "totalSize": page.total_size,
            }
        )

    async def get(self, request: Request) -> Response:
        """Get the invoice of a month, such as 2026-01, as JSON, CSV or a page to print."""
        account_id = self._door.visit(request).account_id
        form = _form(request)
        invoice = await self._invoices.get(account_id, request.path_params["month"])
        media_type, render = _FORMS[form]
        headers = dict(_PAGE_HEADERS)
        if form == "csv":
            headers["content-disposition"] = f'attachment; filename="invoice-{invoice.id}.csv"'
        return Response(render(invoice), media_type=media_type, headers=headers)

    async def what_if(self, request: Request) -> Response:
        """Get what a month would have cost under another price book."""
        account_id = self._door.visit(request).account_id
        version = request.query_params.get("priceBook", "")
        if not version:
            raise InvalidRequest("priceBook: name the version of a price book.", param="priceBook")
        month = request.path_params["month"]
        return _json(await self._repricing.what_if(account_id, month, version))


def _form(request: Request) -> str:
    """`format` says it, else the first type of `Accept` that there is."""
    asked = request.query_params.get("format", "")
    if asked:
        if asked not in _FORMS:
            raise InvalidRequest(
                f"format: {asked[:40]!r} is none of {', '.join(_FORMS)}.", param="format"
            )
        return asked
    by_type = {media_type: form for form, (media_type, _) in _FORMS.items()}
    for part in request.headers.get("accept", "").split(","):
        media_type = part.partition(";")[0].strip().lower()
        if media_type in by_type:
            return by_type[media_type]
    return "json"


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
