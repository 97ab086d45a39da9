"""Lists of resources: filtered and ordered by any field, paged, refused with the place at fault."""

from __future__ import annotations

import httpx
import pytest

from tests.resources.lamps import LAMPS, make


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"filter": 'display_name:"a"'}, ["a", "b"]),
        ({"filter": "size.heightCm > 20"}, ["b", "c"]),
        ({"filter": 'state = "READY" AND NOT size.height_cm = 20'}, ["b", "c"]),
        ({"filter": "isLit = false", "orderBy": "size.heightCm desc"}, ["c", "b", "a"]),
        ({"orderBy": "displayName desc", "pageSize": "2"}, ["c", "b"]),
        ({"filter": 'created_by = "accounts/acme/users/*"'}, ["a", "b", "c"]),
        ({"filter": 'create_time > "2030-01-01T00:00:00Z"'}, []),
    ],
)
async def test_lists_filter_and_order_by_any_scalar_field(
    acme: httpx.AsyncClient, query: dict[str, str], names: list[str]
) -> None:
    await make(acme, "a", displayName="A lamp", size={"heightCm": 20})
    await make(acme, "b", displayName="A lantern", size={"heightCm": 30})
    await make(acme, "c", displayName="Torch", size={"heightCm": 40})

    listed = (await acme.get(LAMPS, params=query)).json()

    assert [lamp["name"].rpartition("/")[2] for lamp in listed["lamps"]] == names


async def test_pages_follow_each_other_and_count_all(acme: httpx.AsyncClient) -> None:
    for number in range(5):
        await make(acme, f"lamp-{number}")

    seen, token = [], ""
    while True:
        params = {"pageSize": "2", "pageToken": token, "readMask": "name"}
        page = (await acme.get(LAMPS, params=params)).json()
        assert page["totalSize"] == 5
        seen += [lamp["name"][-1] for lamp in page["lamps"]]
        token = page["nextPageToken"]
        if not token:
            break

    assert seen == ["0", "1", "2", "3", "4"]


async def test_a_filter_that_does_not_parse_says_where(acme: httpx.AsyncClient) -> None:
    answer = await acme.get(LAMPS, params={"filter": "state = READY AND ("})

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "filter"
    assert "at its end" in answer.json()["message"]
