"""PUTs: whole or not at all, in pieces where the client wants, never more than the link is for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.objects.conftest import BASE, Yard

KEY = "models/acme/u1/model.gguf"
CONTENT = b"0123456789"


async def url_of(yard: Yard, size_bytes: int = len(CONTENT)) -> str:
    return await yard.objects.put_url(KEY, size_bytes, BASE)


async def put_part(
    client: httpx.AsyncClient, url: str, first: int, last: int, total: int = len(CONTENT)
) -> httpx.Response:
    headers = {"content-range": f"bytes {first}-{last}/{total}"}
    return await client.put(url, content=CONTENT[first : last + 1], headers=headers)


async def how_far(client: httpx.AsyncClient, url: str, total: int = len(CONTENT)) -> httpx.Response:
    return await client.put(url, headers={"content-range": f"bytes */{total}"})


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"!", b""])
async def test_another_size_than_announced_is_refused(
    yard: Yard, client: httpx.AsyncClient, content: bytes
) -> None:
    answer = await client.put(await url_of(yard), content=content)

    assert answer.status_code == 400
    assert f"10 were announced, {len(content)} came" in answer.json()["message"]
    assert yard.stored() == {}
    assert yard.parts() == []


async def test_a_body_of_unknown_length_is_cut_where_it_grows_too_large(
    yard: Yard, client: httpx.AsyncClient
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield CONTENT

    answer = await client.put(await url_of(yard), content=endless())

    assert answer.status_code == 400
    assert yard.parts() == []


@pytest.mark.parametrize(("bounds", "status"), [("10,10", 200), ("11,20", 400), ("ten", 400)])
async def test_the_range_of_lengths_that_clients_send_is_respected(
    yard: Yard, client: httpx.AsyncClient, bounds: str, status: int
) -> None:
    headers = {"x-goog-content-length-range": bounds}

    answer = await client.put(await url_of(yard), content=CONTENT, headers=headers)

    assert answer.status_code == status


async def test_the_last_of_several_puts_stays(yard: Yard, client: httpx.AsyncClient) -> None:
    url = await url_of(yard)

    answers = await asyncio.gather(*(client.put(url, content=b"%d" % n * 10) for n in range(4)))

    assert {answer.status_code for answer in answers} == {200}
    (content,) = yard.stored().values()
    assert len(set(content)) == 1
    assert yard.parts() == []


async def test_an_upload_goes_on_where_it_was_cut(yard: Yard, client: httpx.AsyncClient) -> None:
    url = await url_of(yard)
    begun = await put_part(client, url, 0, 3)
    asked = await how_far(client, url)
    ended = await put_part(client, url, 4, 9)

    assert (begun.status_code, begun.headers["range"]) == (308, "bytes=0-3")
    assert (asked.status_code, asked.headers["range"]) == (308, "bytes=0-3")
    assert ended.status_code == 200
    assert yard.stored() == {KEY: CONTENT}
    assert (await how_far(client, url)).status_code == 200
    assert yard.parts() == []


async def test_before_the_first_byte_there_is_no_range(
    yard: Yard, client: httpx.AsyncClient
) -> None:
    answer = await how_far(client, await url_of(yard))

    assert answer.status_code == 308
    assert "range" not in answer.headers


async def test_bytes_that_came_before_are_passed_over_and_gaps_are_not_made(
    yard: Yard, client: httpx.AsyncClient
) -> None:
    url = await url_of(yard)
    await put_part(client, url, 0, 3)
    gap = await put_part(client, url, 6, 9)
    overlap = await put_part(client, url, 2, 6)
    ended = await put_part(client, url, 0, 9)

    assert (gap.status_code, gap.headers["range"]) == (308, "bytes=0-3")
    assert (overlap.status_code, overlap.headers["range"]) == (308, "bytes=0-6")
    assert ended.status_code == 200
    assert yard.stored() == {KEY: CONTENT}


@pytest.mark.parametrize(
    "text", ["bytes 0-3", "0-3/10", "bytes 4-3/10", "bytes 0-10/10", "bytes 0-3/*", "bytes 0-3/11"]
)
async def test_a_range_that_is_none_is_refused(
    yard: Yard, client: httpx.AsyncClient, text: str
) -> None:
    answer = await client.put(await url_of(yard), content=b"0123", headers={"content-range": text})

    assert answer.status_code == 400
    assert yard.stored() == {}


async def test_a_resumable_upload_begins_with_where_its_pieces_go(
    yard: Yard, client: httpx.AsyncClient
) -> None:
    url = await url_of(yard)
    begun = await client.post(url, headers={"x-goog-resumable": "start"})

    assert begun.status_code == 201
    assert (await put_part(client, begun.headers["location"], 0, 9)).status_code == 200


async def test_a_file_and_a_folder_of_one_name_do_not_fit(
    yard: Yard, client: httpx.AsyncClient
) -> None:
    await client.put(await yard.objects.put_url("a/b", 1, BASE), content=b"x")

    below = await client.put(await yard.objects.put_url("a/b/c", 1, BASE), content=b"x")
    above = await client.put(await yard.objects.put_url("a", 1, BASE), content=b"x")

    assert below.status_code == above.status_code == 400
    assert yard.stored() == {"a/b": b"x"}
