"""Regions as clients read them, with what replicas leave free."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from msgspec.structs import replace

from hearth.accounts import Role
from hearth.deployments.placement import (
    AcceleratorType,
    cpu_stock,
    shipped_inventory,
    with_local,
)
from hearth.deployments.places import Places
from hearth.deployments.regions.routes import region_routes
from hearth.deployments.regions.service import Regions
from hearth.deployments.store import put_replica
from hearth.deployments.types import Replica, ReplicaState
from hearth.kit.db import Database
from hearth.pricing import Shelf, shipped_book
from tests.site import Site

REGIONS = "/accounts/acme/regions"
H100 = AcceleratorType.NVIDIA_H100_80GB


@pytest.fixture
async def acme(db: Database) -> AsyncIterator[httpx.AsyncClient]:
    inventory = with_local(shipped_inventory(), (cpu_stock(8 * 2**30),))
    regions = Regions(db, Places(lambda: inventory, Shelf(shipped_book()).at))
    callers = Site(db)
    callers.open(region_routes(regions, callers.caller))
    await callers.add_accounts()
    async with callers.user(role=Role.INFERENCE_USER) as client:
        yield client


async def names(client: httpx.AsyncClient, **params: str) -> list[str]:
    answer = await client.get(REGIONS, params=params)
    assert answer.status_code == 200, answer.text
    return [region["name"].rpartition("/")[2] for region in answer.json()["regions"]]


async def test_all_regions_and_this_machine_are_listed_by_name(acme: httpx.AsyncClient) -> None:
    found = await names(acme)

    assert len(found) == 19
    assert found == sorted(found)
    assert {"us-west-2", "eu-west-1", "local"} <= set(found)


async def test_a_region_says_what_it_has_and_what_that_costs(acme: httpx.AsyncClient) -> None:
    region = (await acme.get(f"{REGIONS}/us-west-2")).json()

    assert region["name"] == "accounts/acme/regions/us-west-2"
    assert region["region"] == "US_WASHINGTON_1"
    assert (region["multiRegion"], region["cloud"]) == ("US", "aws")
    assert region["emulated"] is True
    assert "hipaa" in region["certifications"]
    by_type = {each["acceleratorType"]: each for each in region["accelerators"]}
    assert by_type[H100]["count"] == by_type[H100]["free"] == 512
    assert by_type[H100]["pricePerHour"] == "5.80"
    assert by_type["NVIDIA_B200_180GB"]["pricePerHour"] == ""


async def test_this_machine_is_real_and_shares_its_processor(acme: httpx.AsyncClient) -> None:
    region = (await acme.get(f"{REGIONS}/local")).json()

    assert region["emulated"] is False
    assert region["region"] == ""
    (cpu,) = region["accelerators"]
    assert cpu["acceleratorType"] == "CPU"
    assert cpu["shareBytes"] * cpu["count"] <= 8 * 2**30 * 0.8


async def test_what_replicas_hold_is_not_free(db: Database, acme: httpx.AsyncClient) -> None:
    serverless = Replica(id="s", pool="m", model="m", state=ReplicaState.READY)
    held = replace(serverless, region="us-west-2", accelerator_type=H100, taken=8)
    async with db.write() as conn:
        for replica in (serverless, replace(held, id="a"), replace(held, id="b")):
            await put_replica(conn, replica)

    region = (await acme.get(f"{REGIONS}/us-west-2")).json()

    by_type = {each["acceleratorType"]: each for each in region["accelerators"]}
    assert (by_type[H100]["count"], by_type[H100]["free"]) == (512, 496)


async def test_a_region_is_found_by_the_name_of_the_contract(acme: httpx.AsyncClient) -> None:
    region = (await acme.get(f"{REGIONS}/AP_TOKYO_1")).json()

    assert region["name"] == "accounts/acme/regions/ap-northeast-1"


async def test_lists_filter_order_and_page(acme: httpx.AsyncClient) -> None:
    assert await names(acme, filter='cloud = "aws" AND multi_region = US') == [
        "us-east-1",
        "us-west-2",
    ]
    assert "local" not in await names(acme, filter="accelerators:h100")
    assert await names(acme, filter="emulated = false") == ["local"]
    assert (await names(acme, orderBy="name desc"))[-1] == "ap-northeast-1"

    page = (await acme.get(REGIONS, params={"pageSize": "10", "readMask": "name"})).json()
    assert (len(page["regions"]), page["totalSize"]) == (10, 19)
    rest = await names(acme, pageSize="10", pageToken=page["nextPageToken"])
    assert len(rest) == 9


async def test_an_unknown_region_and_another_account_are_not_found(
    acme: httpx.AsyncClient,
) -> None:
    unknown = await acme.get(f"{REGIONS}/us-west-9")

    assert unknown.status_code == 404
    assert "us-west-2" in unknown.json()["message"]
    assert (await acme.get("/accounts/other/regions")).status_code == 404


async def test_a_filter_on_an_unknown_field_names_the_known_ones(acme: httpx.AsyncClient) -> None:
    answer = await acme.get(REGIONS, params={"filter": "colour = red"})

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "filter"
    assert "cloud" in answer.json()["message"]
