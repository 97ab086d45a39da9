"""Clients of the `openai` package, wrapped, against a Hearth: what is counted, what unchanged."""

from __future__ import annotations

from typing import Any

import pytest
from openai import APIConnectionError, AsyncOpenAI, AsyncStream, NotFoundError, OpenAI, Stream
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

from hearth.client import PerformanceMonitor, UsageTracker
from tests.client.scripted import Reply, answer, events, scripted

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
ASK: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Say hi"}],
    "max_tokens": 16,
    "seed": 7,
}
PROMPT: dict[str, Any] = {"model": MODEL, "prompt": "Once", "max_tokens": 8, "seed": 3}
INPUT: dict[str, Any] = {"model": MODEL, "input": "Say hi", "max_output_tokens": 16}
VECTORS: dict[str, Any] = {"model": "all-minilm-l6-v2", "input": ["one", "two words"]}


class Report(BaseModel):
    is_warm: bool


@pytest.fixture
def tracker() -> UsageTracker:
    return UsageTracker()


def counts(tracker: UsageTracker) -> tuple[int, int, int, int]:
    total = tracker.total
    used = total.prompt_tokens, total.completion_tokens
    return total.requests, total.requests_without_usage, *used


def of(usage: Any, num_requests: int = 1) -> tuple[int, int, int, int]:
    """What `counts` gives for requests of that usage."""
    known = usage.to_dict()
    prompt = known.get("prompt_tokens") or known["input_tokens"]
    completion = known.get("completion_tokens") or known.get("output_tokens", 0)
    return num_requests, 0, num_requests * prompt, num_requests * completion


def test_answers_are_counted_and_stay_as_they_are(tracker: UsageTracker, openai: OpenAI) -> None:
    plain = openai.chat.completions.create(**ASK)
    answer = tracker.wrap(openai).chat.completions.create(**ASK)

    assert answer.usage is not None
    assert type(answer) is ChatCompletion
    assert answer.choices == plain.choices
    assert counts(tracker) == of(answer.usage)
    assert tracker.total.cost_nano == 200 * answer.usage.total_tokens
    assert list(tracker.models) == [MODEL]


def test_the_given_client_stays_as_it_is(tracker: UsageTracker, openai: OpenAI) -> None:
    wrapped = tracker.wrap(openai)
    openai.chat.completions.create(**ASK)

    assert counts(tracker) == (0, 0, 0, 0)
    assert isinstance(wrapped, OpenAI)
    assert repr(wrapped) == repr(openai)
    assert (wrapped.base_url, wrapped.max_retries) == (openai.base_url, 0)


def test_every_kind_of_request_is_counted(tracker: UsageTracker, openai: OpenAI) -> None:
    client = tracker.wrap(openai)

    used = [
        client.completions.create(**PROMPT).usage,
        client.embeddings.create(**VECTORS).usage,
        client.responses.create(**INPUT).usage,
        client.chat.completions.parse(**ASK | {"max_tokens": 99}, response_format=Report).usage,
        client.beta.chat.completions.parse(**ASK).usage,
    ]

    expected = [of(usage) for usage in used]
    assert counts(tracker) == tuple(map(sum, zip(*expected, strict=True)))
    assert tracker.unpriced == []


def test_a_stream_is_counted_by_its_last_piece(tracker: UsageTracker, openai: OpenAI) -> None:
    plain = list(openai.chat.completions.create(**ASK, stream=True))
    stream = tracker.wrap(openai).chat.completions.create(**ASK, stream=True)

    assert isinstance(stream, Stream)
    assert stream.response.status_code == 200
    assert [each.choices for each in stream] == [each.choices for each in plain]
    assert counts(tracker) == of(plain[-1].usage)


def test_streams_of_every_kind_are_counted(tracker: UsageTracker, openai: OpenAI) -> None:
    client = tracker.wrap(openai)
    with client.completions.create(**PROMPT, stream=True) as pieces:
        completion = list(pieces)[-1].usage
    with client.responses.create(**INPUT, stream=True) as happenings:
        response = list(happenings)[-1].response.usage
    with client.chat.completions.stream(**ASK) as chat:
        final = chat.get_final_completion().usage
    with client.responses.stream(**INPUT) as read:
        last: Any = list(read)[-1]

    expected = [of(usage) for usage in (completion, response, final, last.response.usage)]
    assert counts(tracker) == tuple(map(sum, zip(*expected, strict=True)))


def test_raw_answers_are_counted(tracker: UsageTracker, openai: OpenAI) -> None:
    client = tracker.wrap(openai)
    raw = client.chat.completions.with_raw_response.create(**ASK)
    usage = raw.parse().usage
    streamed = client.with_raw_response.chat.completions.create(**ASK, stream=True)

    assert raw.headers["x-request-id"]
    assert counts(tracker) == of(usage)
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert list(streamed.parse())[-1].usage == usage
    assert counts(tracker) == of(usage, 2)


def test_copies_of_a_wrapped_client_count_too(tracker: UsageTracker, openai: OpenAI) -> None:
    client = tracker.wrap(openai)
    used = client.with_options(timeout=20).chat.completions.create(**ASK).usage
    client.copy().chat.completions.create(**ASK)

    assert counts(tracker) == of(used, 2)


def test_a_stream_that_is_left_early_counts_as_without_usage(
    tracker: UsageTracker, openai: OpenAI
) -> None:
    client = tracker.wrap(openai)
    with client.chat.completions.create(**ASK, stream=True) as stream:
        next(stream)
    closed = client.chat.completions.create(**ASK, stream=True)
    closed.close()

    assert counts(tracker) == (2, 2, 0, 0)
    assert "Without usage, so not in the sums: 2." in tracker.report()


def test_refused_requests_count_nowhere_and_errors_pass(
    tracker: UsageTracker, openai: OpenAI
) -> None:
    with pytest.raises(NotFoundError) as refused:
        tracker.wrap(openai).chat.completions.create(**ASK | {"model": "no-such-model"})

    assert refused.value.code == "NOT_FOUND"
    assert tracker.models == {}


def test_a_wrapped_client_closes_the_given_one(tracker: UsageTracker, openai: OpenAI) -> None:
    with tracker.wrap(openai.copy()) as client:
        assert client.models.list().data

    assert client.is_closed()


async def test_asynchronous_clients_are_counted(
    tracker: UsageTracker, async_openai: AsyncOpenAI
) -> None:
    client = tracker.wrap(async_openai)

    whole = await client.chat.completions.create(**ASK)
    stream = await client.chat.completions.create(**ASK, stream=True)
    assert isinstance(client, AsyncOpenAI)
    assert isinstance(stream, AsyncStream)
    pieces = [piece async for piece in stream]
    async with client.chat.completions.stream(**ASK) as chat:
        assert (await chat.get_final_completion()).usage == whole.usage
    raw = await client.chat.completions.with_raw_response.create(**ASK, stream=True)
    read = [piece async for piece in raw.parse()]
    raw_whole = await client.chat.completions.with_raw_response.create(**ASK)

    assert type(whole) is ChatCompletion
    assert whole.usage == pieces[-1].usage == read[-1].usage == raw_whole.parse().usage
    assert counts(tracker) == of(whole.usage, 5)


async def test_asynchronous_streams_close_and_errors_pass(
    tracker: UsageTracker, async_openai: AsyncOpenAI
) -> None:
    client = tracker.wrap(async_openai)
    async with await client.chat.completions.create(**ASK, stream=True) as stream:
        await anext(stream)
    closed = await client.responses.create(**INPUT, stream=True)
    await closed.close()
    with pytest.raises(NotFoundError):
        await client.chat.completions.create(**ASK | {"model": "no-such-model"})

    assert counts(tracker) == (2, 2, 0, 0)


def test_a_monitor_and_a_tracker_go_together(tracker: UsageTracker, openai: OpenAI) -> None:
    monitor = PerformanceMonitor()
    client = monitor.wrap(tracker.wrap(openai))
    used = client.chat.completions.create(**ASK).usage
    list(client.chat.completions.create(**ASK, stream=True))
    with client.chat.completions.stream(**ASK) as chat:
        chat.until_done()

    assert counts(tracker) == of(used, 3)
    whole, streamed, read = monitor.measurements
    assert whole.completion_tokens == streamed.completion_tokens == used.completion_tokens
    assert whole.first_token_s is None
    for each in (streamed, read):
        assert each.model == MODEL
        assert each.first_token_s is not None
        assert 0 < each.first_token_s < each.duration_s


def test_a_stream_that_breaks_is_an_error_of_the_monitor() -> None:
    piece = {"choices": [{"index": 0, "delta": {"content": "a"}}], "object": "chunk", "id": "1"}
    monitor = PerformanceMonitor()
    with scripted(events(piece, then="cut")) as server:
        client = monitor.wrap(OpenAI(api_key="fw_x", base_url=server.url, max_retries=0))
        with client, pytest.raises(APIConnectionError):
            list(client.chat.completions.create(**ASK, stream=True))

    (broken,) = monitor.measurements
    assert not broken.success
    assert broken.first_token_s is not None
    assert monitor.error_rate() == 1.0


def test_usage_that_is_counted_along_is_not_added_up(tracker: UsageTracker) -> None:
    pieces = [
        {"choices": [], "model": "m", "usage": {"prompt_tokens": 5, "completion_tokens": n}}
        for n in range(1, 4)
    ]
    with scripted(events(*pieces)) as server, OpenAI(api_key="k", base_url=server.url) as client:
        list(tracker.wrap(client).chat.completions.create(**ASK, stream=True))

    assert counts(tracker) == (1, 0, 5, 3)
    assert tracker.total.cost_nano == 200 * 8


def test_a_server_that_tells_no_usage_is_named_as_such(tracker: UsageTracker) -> None:
    silent = answer({"choices": [], "model": "m"})
    not_json = Reply(body=b"text", headers={"content-type": "text/plain"})
    with (
        scripted(silent, not_json) as server,
        OpenAI(api_key="k", base_url=server.url) as client,
    ):
        tracker.wrap(client).chat.completions.create(**ASK)
        raw = tracker.wrap(client).chat.completions.with_raw_response.create(**ASK)

    assert raw.content == b"text"
    assert counts(tracker) == (2, 2, 0, 0)


class OfAnotherStyle:
    messages = completions = None


@pytest.mark.parametrize("client", [{}, OfAnotherStyle()])
def test_what_would_go_uncounted_is_refused(tracker: UsageTracker, client: object) -> None:
    with pytest.raises(TypeError, match="is no OpenAI-style client"):
        tracker.wrap(client)
