"""Whatever happens to the bytes, the records before the harm are read, and nothing else is."""

from __future__ import annotations

from itertools import accumulate, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hearth.metering import Begin, Settle
from hearth.metering.frames import Frames, frame
from tests.metering.records import RECORDS, begin, settle

Records = list[Begin | Settle]


def whole_before(records: Records, position: int) -> Records:
    """The records whose frames end at or before a position."""
    ends = accumulate(len(frame(record)) for record in records)
    return [record for record, end in zip(records, ends, strict=True) if end <= position]


@given(RECORDS)
def test_records_are_read_as_they_were_written(records: Records) -> None:
    frames = Frames(b"".join(map(frame, records)))

    assert list(frames) == records
    assert not frames.damaged()


@given(RECORDS, st.data())
def test_a_journal_cut_anywhere_keeps_every_whole_record(
    records: Records, data: st.DataObject
) -> None:
    written = b"".join(map(frame, records))
    cut = data.draw(st.integers(0, len(written)))

    frames = Frames(written[:cut])

    assert list(frames) == whole_before(records, cut)
    assert not frames.damaged()


@given(RECORDS, st.integers(0, 5000))
def test_a_tail_of_zeros_is_an_end_and_no_damage(records: Records, num_zeros: int) -> None:
    frames = Frames(b"".join(map(frame, records)) + bytes(num_zeros))

    assert list(frames) == records
    assert not frames.damaged()


@given(RECORDS.filter(bool), st.integers(1, 255), st.data())
def test_a_changed_byte_stops_the_reading_there(
    records: Records, change: int, data: st.DataObject
) -> None:
    written = bytearray(b"".join(map(frame, records)))
    position = data.draw(st.integers(0, len(written) - 1))
    written[position] ^= change

    assert list(Frames(bytes(written))) == whole_before(records, position)


@given(st.binary(max_size=300))
def test_noise_is_not_read_as_records(noise: bytes) -> None:
    assert list(Frames(noise)) == []


def test_a_harmed_record_in_the_middle_is_damage() -> None:
    first, second, third = frame(begin(1)), bytearray(frame(begin(2))), frame(begin(3))
    second[-1] ^= 1

    frames = Frames(first + second + third)

    assert list(frames) == [begin(1)]
    assert frames.damaged()


def test_reading_goes_on_where_it_paused() -> None:
    frames = Frames(b"".join(frame(settle(n)) for n in range(5)))

    assert list(islice(frames, 2)) == [settle(0), settle(1)]
    assert list(frames) == [settle(2), settle(3), settle(4)]


@pytest.mark.parametrize(
    "record",
    [
        begin(1, account_id="a" * 70_000),
        begin(1, account_id="nul\0"),
        begin(1, account_id="half a pair \ud800"),
        replace(settle(1), completion_tokens=-1),
        replace(settle(1), prompt_tokens=2**63),
        replace(settle(1), prompt_tokens=2**70),
        replace(settle(1), replica_id="nul\0"),
    ],
)
def test_a_record_that_would_hold_up_the_ledger_is_refused(record: Begin | Settle) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec's words for some, ours for others
        frame(record)
