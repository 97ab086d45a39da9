"""Framing: whatever is sent arrives, wherever the reads cut it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.engines.wire import (
    MAX_PAYLOAD_BYTES,
    VERSION,
    Connection,
    FrameType,
    Payload,
    WireError,
)

Frame = tuple[FrameType, int, Any]

frames = st.lists(
    st.tuples(
        st.sampled_from(FrameType),
        st.integers(0, 2**32 - 1),
        st.none() | st.text() | st.binary(max_size=300) | st.lists(st.integers(0, 2**40)),
    ),
    max_size=12,
)


class Pipe(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True

    def close(self) -> None:
        self.is_aborted = True


async def written(sent: list[Frame]) -> list[bytes]:
    """The writes of a connection that sends these frames in one turn of the loop."""
    pipe = Pipe()
    connection = Connection(lambda *_: None, lambda _: None)
    connection.connection_made(pipe)
    for frame in sent:
        connection.send(*frame)
    await asyncio.sleep(0)
    return pipe.writes


class Receiver:
    """A connection that keeps what it is told."""

    def __init__(self) -> None:
        self.pipe = Pipe()
        self.frames: list[Frame] = []
        self.losses: list[Exception | None] = []
        self.connection = Connection(self._on_frame, self.losses.append)
        self.connection.connection_made(self.pipe)

    def _on_frame(self, kind: FrameType, request: int, payload: Payload) -> None:
        self.frames.append((kind, request, bytes(payload)))


def encoded(frame: Frame) -> Frame:
    kind, request, payload = frame
    return kind, request, b"" if payload is None else msgspec.msgpack.encode(payload)


@given(sent=frames, data=st.data())
def test_frames_arrive_whole_wherever_reads_cut_them(
    sent: list[Frame], data: st.DataObject
) -> None:
    async def check() -> None:
        stream = b"".join(await written(sent))
        cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=20)))
        receiver = Receiver()

        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            receiver.connection.data_received(stream[start:end])

        assert receiver.frames == [encoded(frame) for frame in sent]
        assert receiver.losses == []

    asyncio.run(check())


async def test_what_is_sent_in_one_turn_leaves_in_one_write() -> None:
    writes = await written([(FrameType.PING, 0, None), (FrameType.CREDIT, 3, 5)] * 50)

    assert len(writes) == 1


async def test_frames_come_one_byte_at_a_time() -> None:
    sent: list[Frame] = [(FrameType.GENERATE, 7, {"a": "ü" * 50}), (FrameType.PING, 0, None)]
    receiver = Receiver()

    for byte in b"".join(await written(sent)):
        receiver.connection.data_received(bytes([byte]))

    assert receiver.frames == [encoded(frame) for frame in sent]


@pytest.mark.parametrize(
    "bad",
    [
        bytes([0, 0, 0, 0, VERSION + 1, 2, 0, 0, 0, 0, 0, 0]),
        bytes([0, 0, 0, 0, VERSION, 77, 0, 0, 0, 0, 0, 0]),
        (MAX_PAYLOAD_BYTES + 1).to_bytes(4) + bytes([VERSION, 2, 0, 0, 0, 0, 0, 0]),
    ],
    ids=["version", "type", "length"],
)
async def test_a_frame_that_cannot_be_ends_the_connection_once(bad: bytes) -> None:
    receiver = Receiver()
    good = b"".join(await written([(FrameType.PING, 0, None)]))

    receiver.connection.data_received(good + bad + good)
    receiver.connection.connection_lost(None)

    assert [kind for kind, _, _ in receiver.frames] == [FrameType.PING]
    assert len(receiver.losses) == 1
    assert receiver.pipe.is_aborted


async def test_a_payload_over_the_limit_is_refused_by_the_sender() -> None:
    receiver = Receiver()

    with pytest.raises(WireError):
        receiver.connection.send(FrameType.GENERATE, 1, b"\0" * (MAX_PAYLOAD_BYTES + 1))


async def test_frames_for_a_lost_connection_are_dropped() -> None:
    receiver = Receiver()
    receiver.connection.connection_lost(None)

    receiver.connection.send(FrameType.PING)
    await asyncio.sleep(0)

    assert receiver.pipe.writes == []
    assert not receiver.connection.is_open


async def test_an_error_in_the_middle_of_a_held_back_frame_ends_the_connection() -> None:
    def fail(*_: object) -> None:
        raise ValueError("cannot read it")

    losses: list[Exception | None] = []
    connection = Connection(fail, losses.append)
    pipe = Pipe()
    connection.connection_made(pipe)
    stream = b"".join(await written([(FrameType.GENERATE, 1, "text")]))

    connection.data_received(stream[:5])
    connection.data_received(stream[5:])

    assert pipe.is_aborted
    assert [type(loss) for loss in losses] == [ValueError]
