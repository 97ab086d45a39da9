"""Reports of usage and cost over HTTP; who may see an account may read its own."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Caller, Door
from hearth.billing.money import to_money
from hearth.billing.pages import page_of
from hearth.billing.reports.costs import costs_by_day, total_spend
from hearth.billing.reports.metrics_csv import MetricsCsv
from hearth.billing.reports.plans import PricingPlan, pricing_plans
from hearth.billing.reports.series import read_token_query, token_series
from hearth.billing.reports.usage import (
    account_usage,
    billing_summary,
    filter_options,
    read_usage_report,
    read_usage_type,
)
from hearth.billing.times import read_span, read_zone
from hearth.errors import NotFound
from hearth.kit.bodies import read_mask
from hearth.kit.db import Database
from hearth.pricing import PriceBooks


def report_routes(
    db: Database,
    books: PriceBooks,
    metrics: MetricsCsv,
    caller_of: Callable[[Request], Caller],
) -> list[Route]:
    """Every route of reports."""
    costs = _Costs(db, metrics, Door(caller_of))
    usage = _Usage(db, Door(caller_of))
    plans = _Plans(books, Door(caller_of))
    account = "/accounts/{account_id}"
    return [
        Route(f"{account}/billing/summary", costs.summary, methods=["GET"]),
        Route(f"{account}/billing/costs", costs.by_day, methods=["GET"]),
        Route(f"{account}/billing/totalHistoricalSpend", costs.total, methods=["GET"]),
        Route(f"{account}/billing/metrics", costs.metrics, methods=["GET"]),
        Route(f"{account}/billingUsage", usage.get, methods=["GET"]),
        Route(f"{account}/accountUsageFilterOptions", usage.options, methods=["GET"]),
        Route(f"{account}/serverlessTokenUsage", usage.tokens, methods=["GET"]),
        Route(f"{account}/pricingPlans", plans.list, methods=["GET"]),
        Route(f"{account}/pricingPlans/{{plan_id}}", plans.get, methods=["GET"]),
    ]


class _Costs:
    def __init__(self, db: Database, metrics: MetricsCsv, door: Door[Request]) -> None:
        self._db = db
        self._metrics = metrics
        self._door = door

    async def summary(self, request: Request) -> Response:
        """Sum what was used in a time, by model and unit."""
        account_id = self._door.visit(request).account_id
        span = read_span(request.query_params)
        return _json({"lineItems": await billing_summary(self._db, account_id, span)})

    async def by_day(self, request: Request) -> Response:
        """List the cost of each day of a time zone."""
        account_id = self._door.visit(request).account_id
        params = request.query_params
        span, zone = read_span(params), read_zone(params.get("timezone", ""))
        cumulative = params.get("cumulative", "").lower() == "true"
        items = await costs_by_day(self._db, account_id, span, zone, cumulative=cumulative)
        return _json({"costDataItems": items})

    async def total(self, request: Request) -> Response:
        """Get all that the account has ever spent."""
        account_id = self._door.visit(request).account_id
        return _json({"spend": to_money(await total_spend(self._db, account_id))})

    async def metrics(self, request: Request) -> Response:
        """Download usage by day, user and model as CSV."""
        account_id = self._door.visit(request).account_id
        body = await self._metrics.write(account_id, read_span(request.query_params))
        headers = {"content-disposition": 'attachment; filename="billing_metrics.csv"'}
        return Response(body, media_type="text/csv", headers=headers)


class _Usage:
    def __init__(self, db: Database, door: Door[Request]) -> None:
        self._db = db
        self._door = door

    async def get(self, request: Request) -> Response:
        """Sum usage by model, key, user, deployment or day, whatever `groupBy` names."""
        account_id = self._door.visit(request).account_id
        params = request.query_params
        report = read_usage_report(params, params.getlist("groupBy"))
        return _json(await account_usage(self._db, account_id, report))

    async def options(self, request: Request) -> Response:
        """List the models, keys, users and deployments that occur in a time."""
        account_id = self._door.visit(request).account_id
        params = request.query_params
        usage_type = read_usage_type(params.get("usageType", ""))
        span = read_span(params)
        return _json(await filter_options(self._db, account_id, span, usage_type))

    async def tokens(self, request: Request) -> Response:
        """Give serverless tokens per minute over time: peaks, and averages by model."""
        account_id = self._door.visit(request).account_id
        query = read_token_query(request.query_params)
        return _json(await token_series(self._db, account_id, query))


class _Plans:
    def __init__(self, books: PriceBooks, door: Door[Request]) -> None:
        self._books = books
        self._door = door

    async def list(self, request: Request) -> Response:
        """List the prices in force for the account."""
        account_id = self._door.visit(request).account_id
        plans = pricing_plans(self._books, account_id)
        page = page_of(plans, request.query_params, PricingPlan)
        mask = request.query_params.get("readMask", "")
        return _json(
            {
                "pricingPlans": [read_mask(plan, mask) for plan in page.items],
                "nextPageToken": page.next_page_token,
                "totalSize": page.total_size,
            }
        )

    async def get(self, request: Request) -> Response:
        """Get the prices in force for tokens or for accelerators."""
        account_id = self._door.visit(request).account_id
        plan_id = request.path_params["plan_id"]
        for plan in pricing_plans(self._books, account_id):
            if plan.name.endswith(f"/{plan_id}"):
                return _json(read_mask(plan, request.query_params.get("readMask", "")))
        raise NotFound(f"There is no pricing plan {plan_id[:80]!r}.")


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
