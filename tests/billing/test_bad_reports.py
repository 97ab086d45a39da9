"""Reports that cannot be, and those of another account."""

from __future__ import annotations

import httpx
import pytest

from tests.billing.conftest import JANUARY, House
from tests.billing.test_reports import DAY, MONTH, USAGE

SPANS = [USAGE, "/accounts/acme/billing/summary", "/accounts/acme/billing/costs"]


@pytest.mark.parametrize("path", SPANS)
@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"startTime": ""}, "startTime"),
        ({"endTime": MONTH["startTime"]}, "endTime"),
        ({"startTime": "2026-01-01T00:00:00"}, "startTime"),
        ({"startTime": "1990-01-01T00:00:00Z"}, "endTime"),
        ({"startTime": "yesterday"}, "startTime"),
    ],
)
async def test_times_that_cannot_be_are_refused_by_name(
    admin: httpx.AsyncClient, path: str, change: dict[str, str], param: str
) -> None:
    answer = await admin.get(path, params=MONTH | change)

    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"{param}:")


@pytest.mark.parametrize(
    ("path", "params", "param"),
    [
        (USAGE, MONTH | {"groupBy": "colour"}, "groupBy"),
        (USAGE, MONTH | {"usageType": "FREE"}, "usageType"),
        (USAGE, MONTH | {"timezone": "Mars/Olympus"}, "timezone"),
        ("/accounts/acme/serverlessTokenUsage", DAY | {"interval": "10s"}, "interval"),
        ("/accounts/acme/serverlessTokenUsage", DAY | {"interval": "soon"}, "interval"),
        ("/accounts/acme/serverlessTokenUsage", MONTH, "start"),
        (
            "/accounts/acme/serverlessTokenUsage",
            {"start": "2026-01-01T00:00:00Z", "end": "2026-01-31T00:00:00Z", "interval": "1m"},
            "interval",
        ),
        ("/accounts/acme/accountUsageFilterOptions", MONTH | {"usageType": "X"}, "usageType"),
    ],
)
async def test_a_report_that_cannot_be_is_refused_by_name(
    admin: httpx.AsyncClient, path: str, params: dict[str, str], param: str
) -> None:
    answer = await admin.get(path, params=params)

    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith(f"{param}:")


@pytest.mark.parametrize(
    "path",
    [
        "billing/summary",
        "billing/costs",
        "billing/metrics",
        "billing/totalHistoricalSpend",
        "billing/trialBalance",
        "billingUsage",
        "accountUsageFilterOptions",
        "serverlessTokenUsage",
        "serverlessRateLimits",
        "pricingPlans",
        "invoices",
        "quotas",
    ],
)
async def test_another_accounts_money_is_not_there(
    house: House, stranger: httpx.AsyncClient, path: str
) -> None:
    await house.use(house.entry(JANUARY))

    answer = await stranger.get(f"/accounts/acme/{path}", params=MONTH | DAY)

    assert answer.status_code == 404
    async with house.client(None) as nobody:
        assert (await nobody.get(f"/accounts/acme/{path}", params=MONTH)).status_code == 401
