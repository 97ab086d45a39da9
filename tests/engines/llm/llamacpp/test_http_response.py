"""The response parser gives the same messages however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.engines.llm.llamacpp.http_response import BadResponse, ResponseParser

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: llama.cpp\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)


def chunk(payload: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(payload), payload)


def event(value: bytes) -> bytes:
    return b"data: " + value + b"\n\n"


STREAM = (
    STREAM_HEAD
    + chunk(event(b'{"a":1}') + event('{"b":"é😀"}'.encode()))
    + chunk(b": ping\n\n")
    + chunk(b"data: {")
    + chunk(b"}\n")
    + chunk(b"\n")
    + chunk(b'error: {"c":3}\n\n')
    + b"0\r\n\r\n"
)
EVENTS = [b'{"a":1}', '{"b":"é😀"}'.encode(), b"{}", b'{"c":3}']


def fed(data: bytes, places: list[int]) -> tuple[list[bytes], ResponseParser]:
    parser, messages = ResponseParser(), []
    ends = sorted(place % (len(data) + 1) for place in places)
    for start, end in zip([0, *ends], [*ends, len(data)], strict=True):
        messages += parser.feed(data[start:end])
    return messages, parser


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_cut_anywhere_gives_its_events(places: list[int]) -> None:
    messages, parser = fed(STREAM, places)

    assert messages == EVENTS
    assert parser.is_complete
    assert parser.status == 200


@given(st.lists(st.integers(0, 200), max_size=8))
def test_a_measured_body_is_one_message(places: list[int]) -> None:
    data = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 11\r\n\r\n" + b'{"error":1}'

    messages, parser = fed(data, places)

    assert messages == [b'{"error":1}']
    assert (parser.status, parser.is_complete) == (400, True)


def test_a_body_in_chunks_that_is_no_stream_is_one_message() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    messages, _ = fed(head + chunk(b"one ") + chunk(b"two") + b"0\r\n\r\n", [])

    assert messages == [b"one two"]


def test_an_unfinished_response_is_not_complete() -> None:
    messages, parser = fed(STREAM[:-20], [40, 90])

    assert messages == EVENTS[:3]
    assert not parser.is_complete


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        STREAM_HEAD + b"zz\r\nabc\r\n",
        b"x" * 20_000,
    ],
)
def test_what_is_no_response_is_an_error(data: bytes) -> None:
    with pytest.raises(BadResponse):
        ResponseParser().feed(data)
