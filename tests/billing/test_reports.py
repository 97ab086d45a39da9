"""Reports of usage and cost, over HTTP."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from hearth.kit.clock import to_ns
from hearth.metering import Event, Outcome, post
from hearth.pricing import NANO
from tests.billing.conftest import JANUARY, LARGE, SMALL, House

Json = dict[str, Any]  # Any: JSON
MONTH = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-02-01T00:00:00Z"}
DAY = {"start": "2026-01-10T00:00:00Z", "end": "2026-01-11T00:00:00Z"}
USAGE = "/accounts/acme/billingUsage"


def nano(money: Json) -> int:
    """Nano-USD of typeMoney."""
    return int(money["units"]) * NANO + int(money["nanos"])


async def serverless(client: httpx.AsyncClient, *groups: str) -> list[Json]:
    """The serverless rows of a usage report of January."""
    answer = await client.get(USAGE, params={**MONTH, "groupBy": list(groups)})
    assert answer.status_code == 200, answer.text
    rows: list[Json] = answer.json()["serverlessCosts"]
    return rows


async def test_usage_by_model_adds_up_and_leaves_out_what_owes_nothing(
    house: House, admin: httpx.AsyncClient
) -> None:
    small = await house.use(house.entry(JANUARY), house.entry(JANUARY, tokens=(10, 5, 1)))
    large = await house.use(house.entry(JANUARY, model=LARGE))
    await house.use(
        house.entry(JANUARY, outcome=Outcome.INTERRUPTED),
        house.entry(JANUARY, account_id="other"),
        house.entry(JANUARY + timedelta(days=30)),
    )

    rows = {row["modelName"]: row for row in await serverless(admin)}

    assert {name: nano(row["cost"]) for name, row in rows.items()} == {SMALL: small, LARGE: large}
    assert rows[SMALL]["requests"] == "2"
    assert rows[SMALL]["promptTokens"] == "1010"
    assert rows[SMALL]["cachedPromptTokens"] == "5"
    assert rows[SMALL]["usageType"] == "tokens"
    assert rows[SMALL]["startTime"] == "2026-01-01T00:00:00Z"


async def test_usage_is_split_by_whatever_one_asks_for(
    house: House, admin: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    anns = await house.use(house.entry(JANUARY), house.entry(JANUARY, model=LARGE))
    bobs = await house.use(house.entry(JANUARY, user_id="bob"))

    by_user = await serverless(bob, "user")
    by_key = await serverless(bob, "apiKey", "model")
    both = await serverless(bob, "apiKey,model")

    assert {row["user"]: nano(row["cost"]) for row in by_user} == {"ann": anns, "bob": bobs}
    assert all(row["modelName"] == row["apiKeyId"] == "" for row in by_user)
    keys = {(row["apiKeyId"], row["modelName"]) for row in by_key}
    assert keys == {
        (house.key_ids["ann"], SMALL),
        (house.key_ids["ann"], LARGE),
        (house.key_ids["bob"], SMALL),
    }
    assert both == by_key


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("UTC", 24), ("Europe/Berlin", 23), ("Asia/Kolkata", 24), ("America/New_York", 24)],
)
async def test_days_are_those_of_a_zone_and_may_have_23_hours(
    house: House, admin: httpx.AsyncClient, zone: str, hours: int
) -> None:
    house.clock.move(days=90)
    start = datetime(2026, 3, 28, tzinfo=UTC)  # in Berlin the clock is put forward on the 29th
    entries = [house.entry(start + timedelta(minutes=30 * number)) for number in range(144)]
    await house.use(*entries)
    span = {"startTime": "2026-03-28T00:00:00Z", "endTime": "2026-03-31T00:00:00Z"}

    params = span | {"timezone": zone, "groupBy": "day"}
    rows = (await admin.get(USAGE, params=params)).json()["serverlessCosts"]

    assert sum(int(row["requests"]) for row in rows) == 144
    middle = next(
        row
        for row in rows
        if row["startTime"] > "2026-03-28T12" and row["endTime"] < "2026-03-30T12"
    )
    assert int(middle["requests"]) == 2 * hours
    assert {row["endTime"] for row in rows[:-1]} == {row["startTime"] for row in rows[1:]}


async def test_time_on_a_deployment_is_told_apart_from_shared_models(
    house: House, admin: httpx.AsyncClient
) -> None:
    used = await house.use(house.entry(JANUARY))
    event = Event(
        event_id="gpu-1",
        time_ns=to_ns(JANUARY),
        account_id="acme",
        kind="/deployments",
        unit="gpu_seconds",
        units=90,
        cost_nano=3 * NANO,
        model=LARGE,
        deployment="accounts/acme/deployments/mine",
        price_version="2025-05",
        price="gpu-h100",
    )
    await post(house.db, [event])

    both = (await admin.get(USAGE, params=MONTH)).json()
    shared = (await admin.get(USAGE, params=MONTH | {"usageType": "SERVERLESS"})).json()
    own = (await admin.get(USAGE, params=MONTH | {"usageType": "DEDICATED_DEPLOYMENT"})).json()
    options = await admin.get("/accounts/acme/accountUsageFilterOptions", params=MONTH)

    assert both["serverlessCosts"] == shared["serverlessCosts"]
    assert both["dedicatedCosts"] == own["dedicatedCosts"]
    assert shared["dedicatedCosts"] == own["serverlessCosts"] == []
    assert nano(shared["serverlessCosts"][0]["cost"]) == used
    (row,) = own["dedicatedCosts"]
    assert (row["deploymentId"], row["acceleratorType"]) == ("mine", "H100")
    assert (row["acceleratorSeconds"], nano(row["cost"])) == (90.0, 3 * NANO)
    assert options.json()["deployments"] == ["accounts/acme/deployments/mine"]
    assert options.json()["models"] == [LARGE, SMALL]


async def test_the_summary_has_a_line_for_each_model(
    house: House, admin: httpx.AsyncClient
) -> None:
    used = await house.use(house.entry(JANUARY), house.entry(JANUARY))

    (line,) = (await admin.get("/accounts/acme/billing/summary", params=MONTH)).json()["lineItems"]

    assert (line["groupingKey"], line["groupingValue"]) == ("model", SMALL)
    assert (line["secondaryGroupingKey"], line["secondaryGroupingValue"]) == ("unit", "tokens")
    assert line["quantity"] == 3000
    assert nano(line["totalCost"]) == used
    assert nano(line["unitAmount"]) == used // 3000


async def test_costs_by_day_and_in_all(house: House, admin: httpx.AsyncClient) -> None:
    used = await house.use(house.entry(JANUARY), house.entry(JANUARY + timedelta(days=1)))

    costs = (await admin.get("/accounts/acme/billing/costs", params=MONTH)).json()["costDataItems"]
    total = await admin.get("/accounts/acme/billing/costs", params=MONTH | {"cumulative": "true"})
    ever = (await admin.get("/accounts/acme/billing/totalHistoricalSpend")).json()

    assert len(costs) == 31
    assert [nano(item["total"]) for item in costs[9:11]] == [used // 2, used // 2]
    assert nano(total.json()["costDataItems"][-1]["total"]) == used
    assert nano(ever["spend"]) == used


async def test_token_series_show_the_peak_minute_of_each_interval(
    house: House, admin: httpx.AsyncClient
) -> None:
    second = timedelta(seconds=1)
    await house.use(
        house.entry(JANUARY, tokens=(100, 40, 10)),
        house.entry(JANUARY + second, model=LARGE, tokens=(5, 0, 7)),
        house.entry(JANUARY + 61 * second, tokens=(3, 0, 12)),
    )
    params = DAY | {
        "interval": "1h",
        "includePeakTokensPerMinuteByBaseModel": "true",
        "includeAverageTokensPerMinuteByBaseModel": "true",
    }

    series = (await admin.get("/accounts/acme/serverlessTokenUsage", params=params)).json()

    generated = series["totalPeakGeneratedTokensPerMinute"]["values"]
    assert len(generated) == 24
    assert generated[12] == {"timestamp": str(int(JANUARY.timestamp())), "value": "17"}
    assert generated[11]["value"] == "0"
    assert series["totalPeakUncachedPromptTokensPerMinute"]["values"][12]["value"] == "65"
    assert series["totalPeakCachedPromptTokensPerMinute"]["values"][12]["value"] == "40"
    by_model = series["peakGeneratedTokensPerMinuteByBaseModel"]
    assert [each["labels"]["base_model"] for each in by_model] == [LARGE, SMALL]
    assert by_model[1]["values"][12]["value"] == "12"
    averages = series["averageTokensPerMinuteByBaseModel"]
    assert averages[1]["values"][12]["value"] == str(125 // 60)


async def test_billing_metrics_are_a_table_by_day_user_and_model(
    house: House, admin: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    await house.use(house.entry(JANUARY, user_id="bob"), house.entry(JANUARY, model=LARGE))

    answer = await admin.get("/accounts/acme/billing/metrics", params=MONTH)

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert ",".join(rows[0]) == (
        "email,start_time,end_time,usage_type,accelerator_type,accelerator_seconds,"
        "base_model_name,model_bucket,parameter_count,prompt_tokens,completion_tokens"
    )
    assert rows[1] == {
        "email": "bob@acme.test",
        "start_time": "2026-01-10T00:00:00Z",
        "end_time": "2026-01-11T00:00:00Z",
        "usage_type": "tokens",
        "accelerator_type": "",
        "accelerator_seconds": "",
        "base_model_name": SMALL,
        "model_bucket": "text-under-4b",
        "parameter_count": "3000000000",
        "prompt_tokens": "1000",
        "completion_tokens": "500",
    }


async def test_pricing_plans_are_the_book_in_force(admin: httpx.AsyncClient) -> None:
    plans = (await admin.get("/accounts/acme/pricingPlans")).json()["pricingPlans"]
    one = (await admin.get("/accounts/acme/pricingPlans/accelerator-hours")).json()

    assert [plan["billingType"] for plan in plans] == ["TOKEN_USAGE", "ACCELERATOR_HOURS"]
    prices = {price["id"]: price for price in plans[0]["tokenConfig"]}
    assert nano(prices["text-under-4b"]["amount"]) == NANO // 10
    assert prices["text-under-4b"]["per"] == "1000000"
    assert one == plans[1]
    hours = {each["acceleratorType"]: nano(each["amount"]) for each in one["acceleratorHourConfig"]}
    assert hours["H100"] > NANO
    assert (await admin.get("/accounts/acme/pricingPlans/none")).status_code == 404
