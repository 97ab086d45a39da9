"""Signed links: what they allow, for how long, and what is done to those that are forged."""

from __future__ import annotations

import stat
from pathlib import Path

import httpx
import pytest

from hearth.objects import signing_key
from tests.objects.conftest import BASE, Yard

KEY = "datasets/d1/rows of it.jsonl"


async def test_what_is_put_by_a_link_is_got_by_a_link(
    yard: Yard, client: httpx.AsyncClient
) -> None:
    put = await client.put(await yard.objects.put_url(KEY, 5, BASE), content=b"hello")
    got = await client.get(await yard.objects.get_url(KEY, BASE))

    assert put.status_code == 200
    assert got.content == b"hello"
    assert yard.stored() == {KEY: b"hello"}


async def test_ranges_and_etags_let_a_download_go_on(yard: Yard, client: httpx.AsyncClient) -> None:
    await client.put(await yard.objects.put_url(KEY, 10, BASE), content=b"0123456789")
    url = await yard.objects.get_url(KEY, BASE)
    etag = (await client.head(url)).headers["etag"]

    rest = await client.get(url, headers={"range": "bytes=7-", "if-range": etag})
    anew = await client.get(url, headers={"range": "bytes=7-", "if-range": '"older"'})

    assert (rest.status_code, rest.content) == (206, b"789")
    assert rest.headers["content-range"] == "bytes 7-9/10"
    assert (anew.status_code, anew.content) == (200, b"0123456789")


async def test_a_link_ends(yard: Yard, client: httpx.AsyncClient) -> None:
    url = await yard.objects.put_url(KEY, 5, BASE)
    yard.clock.move(hours=25)

    late = await client.put(url, content=b"hello")

    assert late.status_code == 403
    assert "ended at 2026-02-01T12:00:00Z" in late.json()["message"]
    assert "getUploadEndpoint" in late.json()["message"]
    assert yard.stored() == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("signature=", "signature=0"),
        ("signature=", "other="),
        ("size=5", "size=6"),
        ("size=5", "x=5"),
        ("expires=1", "expires=2"),
        ("/d1/", "/d2/"),
    ],
)
async def test_a_link_that_was_changed_is_none(
    yard: Yard, client: httpx.AsyncClient, before: str, after: str
) -> None:
    url = await yard.objects.put_url(KEY, 5, BASE)
    assert before in url

    answer = await client.put(url.replace(before, after), content=b"hello")

    assert answer.status_code == 403
    assert answer.json()["code"] == 7
    assert yard.stored() == {}


async def test_a_link_to_put_gets_nothing_and_there_is_no_list(
    yard: Yard, client: httpx.AsyncClient
) -> None:
    url = await yard.objects.put_url(KEY, 5, BASE)
    await client.put(url, content=b"hello")

    assert (await client.get(url)).status_code == 403
    assert (await client.delete(url)).status_code == 405
    assert (await client.get(f"{BASE}/objects/")).status_code == 403
    assert (await client.get(f"{BASE}/objects/datasets/d1/")).status_code == 403


async def test_what_is_not_there_is_said_to_be_so(yard: Yard, client: httpx.AsyncClient) -> None:
    answer = await client.get(await yard.objects.get_url(KEY, BASE))

    assert answer.status_code == 404


def test_the_key_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    first = signing_key(tmp_path)

    assert signing_key(tmp_path) == first
    assert len(first) == 32
    assert stat.S_IMODE((tmp_path / "objects.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["objects.key"]
