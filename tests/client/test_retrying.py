"""What the retrying clients do when a server refuses, breaks off or says nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from hearth.client import ConnectionFailed, RequestRefused
from tests.client.clients import KEY, Async, Driver, Sync
from tests.client.scripted import CUT, Reply, answer, events, scripted

GOOD = answer({"text": "good"})
BUSY = answer({"error": {"message": "Busy.", "code": "BUSY"}}, status=503)
MESSAGES = [{"role": "user", "content": "hi"}]

Make = Callable[..., Driver]


@pytest.fixture(params=[Sync, Async])
def make(request: pytest.FixtureRequest) -> Make:
    kind: Make = request.param
    return kind


def limited(**headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer({"error": {"message": "Slow down."}}, status=429, headers=named)


@pytest.mark.parametrize("trouble", [limited(), BUSY, answer({}, status=408), CUT])
def test_what_may_pass_is_tried_again_after_waits_that_double(make: Make, trouble: Reply) -> None:
    with scripted(trouble, trouble, trouble, GOOD) as server:
        client = make(server.url)

        assert client.request("/embeddings", {"input": "a"}) == {"text": "good"}

    assert client.time.slept == [1.0, 2.0, 4.0]
    assert [asked.body for asked in server.asked] == [{"input": "a"}] * 4


def test_it_gives_up_after_its_retries_and_says_how_often_it_tried(make: Make) -> None:
    with scripted(BUSY) as server, pytest.raises(RequestRefused) as refused:
        make(server.url, max_retries=2).request("/x", {})

    assert refused.value.num_attempts == len(server.asked) == 3
    assert (refused.value.status, refused.value.code) == (503, "BUSY")


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 412, 413, 422])
def test_a_fault_of_the_request_is_not_tried_again(make: Make, status: int) -> None:
    with scripted(answer({}, status=status), GOOD) as server:
        with pytest.raises(RequestRefused):
            make(server.url).request("/x", {})

        assert len(server.asked) == 1


def test_a_conflict_is_tried_again_only_if_told(make: Make) -> None:
    with scripted(answer({}, status=409), GOOD) as server:
        assert make(server.url, retry_conflicts=True).request("/x", {}) == {"text": "good"}


def test_the_server_has_the_last_word_on_retrying(make: Make) -> None:
    never = answer({}, status=503, headers={"x-should-retry": "false"})
    please = answer({}, status=400, headers={"x-should-retry": "true"})
    with scripted(please, never, GOOD) as server:
        with pytest.raises(RequestRefused) as refused:
            make(server.url).request("/x", {})

        assert refused.value.status == 503


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Sun, 09 Sep 2001 01:46:55 GMT"}, 15.0),
        ({"retry-after": "Sun, 09 Sep 2001 01:46:30 GMT"}, 0.0),
        ({"retry-after": "Tue, 02 Jan 2024 10:00:09 GMT", "date": "Tue, 02 Jan 2024 10:00:00 GMT"},
         9.0),
        ({"retry-after": "-3"}, 1.0),
        ({"retry-after": "nan"}, 1.0),
        ({"retry-after": "soon"}, 1.0),
    ],
)  # fmt: skip
def test_it_waits_as_long_as_the_server_asks(
    make: Make, headers: dict[str, str], wait: float
) -> None:
    with scripted(limited(**headers), GOOD) as server:
        client = make(server.url)
        client.request("/x", {})

    assert client.time.slept == [wait]


@pytest.mark.parametrize("asked", ["61", "1e400", "inf", "Tue, 02 Jan 2124 10:00:00 GMT"])
def test_it_does_not_wait_longer_than_it_may_nor_ask_too_early(make: Make, asked: str) -> None:
    with scripted(limited(retry_after=asked), GOOD) as server:
        client = make(server.url)
        with pytest.raises(RequestRefused) as refused:
            client.request("/x", {})

        assert client.time.slept == []
        assert len(server.asked) == 1
        assert refused.value.retry_after_s is not None
        assert refused.value.retry_after_s > 60


def test_its_own_waits_are_capped_and_scattered(make: Make) -> None:
    with scripted(BUSY, BUSY, BUSY, BUSY, GOOD) as server:
        client = make(server.url, max_retries=9, max_wait=3.0, chance=lambda: 1.0)
        client.request("/x", {})

    assert client.time.slept == [0.75, 1.5, 2.25, 2.25]


def test_the_deadline_covers_all_attempts(make: Make) -> None:
    with scripted(BUSY) as server:
        client = make(server.url, max_retries=99, deadline=10.0)
        with pytest.raises(RequestRefused) as refused:
            client.request("/x", {})

    assert client.time.slept == [1.0, 2.0, 4.0]  # 8 more would be too late
    assert refused.value.num_attempts == 4


def test_an_answer_that_trickles_past_the_deadline_is_given_up(make: Make) -> None:
    ticks = count()
    with scripted(answer("x" * 4_000_000)) as server:
        client = make(server.url, deadline=20.0, clock=lambda: next(ticks))
        with pytest.raises(ConnectionFailed, match="deadline of 20"):
            client.request("/x", {})

        assert len(server.asked) == 1


def test_an_answer_that_breaks_off_is_asked_for_again(make: Make) -> None:
    with scripted(Reply(body=b'{"text": "go', then="cut"), GOOD) as server:
        assert make(server.url).request("/x", {}) == {"text": "good"}


@pytest.mark.parametrize("body", [b"", b'{"text": '])
def test_silence_is_a_failure_after_the_timeout(make: Make, body: bytes) -> None:
    with scripted(Reply(body=body, then="hang"), GOOD) as server:
        assert make(server.url, timeout=0.3).request("/x", {}) == {"text": "good"}

    assert len(server.asked) == 2


def test_a_server_that_is_not_there_is_a_connection_failure(make: Make) -> None:
    with scripted(GOOD) as server:
        url = server.url
    client = make(url)

    with pytest.raises(ConnectionFailed) as failed:
        client.request("/x", {})

    assert failed.value.num_attempts == 4
    assert client.time.slept == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("body", "code", "message", "param"),
    [
        ({"error": {"message": "No.", "code": "BAD", "param": "n"}, "request_id": "r"},
         "BAD", "No.", "n"),
        ({"error": "No."}, "", "No.", None),
        ({"code": 3, "message": "No.", "details": []}, "3", "No.", None),
        ({"error": {"message": "No.", "type": "invalid", "code": None}}, "invalid", "No.", None),
        ([], "", "[]", None),
    ],
)  # fmt: skip
def test_a_refusal_tells_what_the_server_said(
    make: Make, body: Any, code: str, message: str, param: str | None
) -> None:
    refusal = answer(body, status=400, headers={"x-request-id": "req-1"})
    with scripted(refusal) as server, pytest.raises(RequestRefused) as refused:
        make(server.url).request("/x", {})

    error = refused.value
    assert (error.code, error.message, error.param) == (code, message, param)
    assert error.request_id == "req-1"
    assert str(error) == f"{message} (status 400, request req-1)"


def test_an_answer_that_is_not_json_is_refused_and_not_paid_twice(make: Make) -> None:
    with scripted(Reply(body=b"<html>"), GOOD) as server:
        with pytest.raises(RequestRefused, match="not JSON"):
            make(server.url).request("/x", {})

        assert len(server.asked) == 1


def test_requests_arrive_as_they_were_meant(make: Make) -> None:
    with scripted(GOOD, GOOD, Reply(status=204, body=b"")) as server:
        client = make(server.url + "/")
        client.chat("m", MESSAGES, max_tokens=3)
        client.request("models", headers={"X-Own": "1"})
        assert client.request("files/1", method="DELETE") is None

    chat, models, deleted = server.asked
    assert chat.line == "POST /v1/chat/completions HTTP/1.1"
    assert chat.body == {"model": "m", "messages": MESSAGES, "max_tokens": 3}
    assert chat.headers["authorization"] == f"bearer {KEY}"
    assert (models.line, models.headers["x-own"]) == ("GET /v1/models HTTP/1.1", "1")
    assert deleted.line == "DELETE /v1/files/1 HTTP/1.1"


def test_without_a_key_none_is_sent(make: Make) -> None:
    with scripted(GOOD) as server:
        make(server.url, api_key="").request("/x")

    assert "authorization" not in server.asked[0].headers


def test_a_stream_is_asked_for_again_until_its_first_byte(make: Make) -> None:
    nothing_came = events(then="cut")
    with scripted(BUSY, CUT, nothing_came, events({"n": 1}, {"n": 2})) as server:
        client = make(server.url)

        assert list(client.stream("/chat/completions", {"model": "m"})) == [{"n": 1}, {"n": 2}]

    assert client.time.slept == [1.0, 2.0, 4.0]
    assert server.asked[-1].body == {"model": "m", "stream": True}


def test_a_stream_that_breaks_later_is_not_begun_again(make: Make) -> None:
    with scripted(events({"n": 1}, then="cut"), GOOD) as server:
        pieces = make(server.url).stream("/x", {})

        assert next(pieces) == {"n": 1}
        with pytest.raises(ConnectionFailed):
            next(pieces)
        assert len(server.asked) == 1


def test_an_error_inside_a_stream_is_raised(make: Make) -> None:
    broken = {"error": {"message": "The engine died.", "code": "ENGINE_FAILED"}}
    with scripted(events({"n": 1}, broken)) as server:
        pieces = make(server.url).stream("/x", {})
        next(pieces)
        with pytest.raises(RequestRefused, match="engine died") as refused:
            next(pieces)

    assert (refused.value.code, refused.value.request_id) == ("ENGINE_FAILED", "req-7")


def test_a_stream_can_be_left_early(make: Make) -> None:
    with scripted(events({"n": 1}, then="hang")) as server:
        pieces = make(server.url).stream("/x", {})
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]  # every driver's is a generator


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "localhost"},
        {"api_key": "fw_secret\n"},
        {"api_key": "fw_sécret"},
        {"max_retries": -1},
        {"retry_delay": -1.0},
        {"timeout": float("nan")},
        {"deadline": -1.0},
        {"max_wait": float("inf")},
    ],
)
@pytest.mark.parametrize("kind", [Sync, Async])
def test_options_that_make_no_sense_are_refused_without_telling_the_key(
    kind: type[Sync], options: dict[str, Any]
) -> None:
    from hearth.client import AsyncRetryingClient, RetryingClient

    client = RetryingClient if kind is Sync else AsyncRetryingClient
    with pytest.raises(ValueError) as refused:  # noqa: PT011 -- each says it in its own words
        client(**{"api_key": KEY, **options})

    assert "cret" not in str(refused.value)


def test_the_key_is_not_shown() -> None:
    from hearth.client import RetryingClient

    with RetryingClient(KEY) as client:
        assert KEY not in repr(client)
