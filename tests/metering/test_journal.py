"""The journal on a real disk: what is there after each call, and what happens when it cannot be."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from hearth.errors import Unavailable
from hearth.metering import Begin, Journal, Settle
from hearth.metering.frames import Frames, frame
from tests.metering.disk import segments
from tests.metering.records import begin, settle

LIMIT_S = 30


def on_disk(home: Path) -> list[Begin | Settle]:
    """What another process would read now."""
    return [record for path in segments(home) for record in Frames(path.read_bytes())]


def test_a_settle_is_on_disk_with_its_begin_when_the_call_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    journal.begin(begin(1))
    journal.begin(begin(2))
    journal.settle(settle(2))

    assert on_disk(tmp_path) == [begin(1), begin(2), settle(2)]
    journal.close()


def test_begins_are_on_disk_after_a_flush(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    journal.begin(begin(1))
    journal.flush()

    assert on_disk(tmp_path) == [begin(1)]
    journal.close()


def test_many_begins_do_not_wait_for_a_settle(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    for n in range(1000):
        journal.begin(begin(n))

    assert len(on_disk(tmp_path)) > 0
    journal.close()


def test_each_segment_holds_the_begin_of_every_request_settled_in_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=1000)
    journal.begin(begin(0))

    for n in range(1, 30):
        journal.begin(begin(n))
        journal.settle(settle(n))
    journal.settle(settle(0))

    assert len(segments(tmp_path)) > 3
    for path in segments(tmp_path):
        records = list(Frames(path.read_bytes()))
        begun = {record.request_id for record in records if isinstance(record, Begin)}
        settled = {record.request_id for record in records if isinstance(record, Settle)}
        assert settled <= begun
    journal.close()


def test_many_open_requests_do_not_fill_the_disk_with_their_begins(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=10_000)
    for n in range(1000):
        journal.begin(begin(n))

    for n in range(1000):
        journal.settle(settle(n))

    assert len(on_disk(tmp_path)) < 15_000
    journal.close()


def test_settling_what_never_began_or_is_settled_is_the_callers_fault(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(begin(1))
    journal.settle(settle(1))

    with pytest.raises(LookupError):
        journal.settle(settle(1))
    with pytest.raises(LookupError):
        journal.settle(settle(2))

    assert on_disk(tmp_path) == [begin(1), settle(1)]
    journal.close()


def test_memory_holds_no_more_waiting_requests_than_its_bound(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_backlog=10)

    for n in range(25):
        journal.begin(begin(n))
        journal.settle(settle(n))

    assert len(journal.backlog) == 25
    assert journal.backlog.is_spilled
    assert journal.backlog.peek(100)[0] == []
    journal.close()


def test_a_closed_journal_takes_nothing_more(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(begin(1))
    journal.close()

    with pytest.raises(Unavailable):
        journal.settle(settle(1))


async def test_waiters_for_the_disk_share_flushes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, mode="fsync", segment_bytes=2000)

    async def answer(n: int) -> None:
        journal.begin(begin(n))
        journal.settle(settle(n))
        await journal.synced()

    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(answer(n)) for n in range(50)]
        await asyncio.sleep(0)
        waiting[0].cancel()  # its client hangs up; the others' flush must not end with it

    assert [task.cancelled() for task in waiting] == [True] + 49 * [False]
    assert {f"r-{n}" for n in range(50)} == {record.request_id for record in on_disk(tmp_path)}
    journal.close()


async def test_a_journal_closed_while_its_disk_is_flushed_ends_cleanly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path, mode="fsync", segment_bytes=100)
    journal.begin(begin(1))
    journal.settle(settle(1))
    waiting = asyncio.create_task(journal.synced())
    await asyncio.sleep(0)

    journal.close()

    async with asyncio.timeout(LIMIT_S):
        await waiting
    assert on_disk(tmp_path) == [begin(1), settle(1)]
    assert caplog.records == []  # where the event loop complains of a callback


# A limit on the size of files is a full disk that a test can empty again.
FULL_DISK = """
import resource, sys
from pathlib import Path
from hearth.errors import Unavailable
from hearth.metering import Journal
from tests.metering.records import begin, settle

def limit(num_bytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, resource.RLIM_INFINITY))

def refused(call, record):
    try:
        call(record)
    except Unavailable as error:
        return "free some space" in str(error)
    return False

journal = Journal(Path(sys.argv[1]), segment_bytes=int(sys.argv[2]))
for n in range(5):
    journal.begin(begin(n))
journal.settle(settle(0))
limit(int(sys.argv[3]))
assert refused(journal.settle, settle(1)), "a settle that is not on disk"
assert refused(journal.settle, settle(1)), "the same, repeated by the caller's clean-up"
assert refused(journal.begin, begin(5)), "a request that could not be metered"
assert journal.is_failing
limit(resource.RLIM_INFINITY)
journal.settle(settle(2))
assert not journal.is_failing
journal.begin(begin(5))
journal.flush()
print(journal.num_open, len(journal.backlog))
"""


USED_BYTES = sum(len(frame(begin(n))) for n in range(5)) + len(frame(settle(0)))


@pytest.mark.parametrize(
    ("segment_bytes", "limit_bytes"),
    [(10**6, USED_BYTES + 10), (100, 50), (100, len(frame(begin(1))) * 4 + 10)],
    ids=["while appending", "while starting a segment", "after starting a segment"],
)
def test_a_full_disk_refuses_requests_and_loses_none(
    tmp_path: Path, segment_bytes: int, limit_bytes: int
) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(segment_bytes), str(limit_bytes)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)

    assert done.stdout.split() == ["3", "3"], done.stderr
    records = on_disk(tmp_path)
    assert [record for record in records if isinstance(record, Settle)] == [
        settle(0),
        settle(1),
        settle(2),
    ]
    assert {r.request_id for r in records if isinstance(r, Begin)} == {f"r-{n}" for n in range(6)}


async def test_who_settles_in_the_moment_a_flush_ends_does_not_wait_forever(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path, mode="fsync")
    chance = random.Random(1)

    async def answer(n: int) -> None:
        journal.begin(begin(n))
        await asyncio.sleep(chance.uniform(0, 0.05))  # so that some hit that moment
        journal.settle(settle(n))
        await journal.synced()

    await asyncio.gather(*(answer(n) for n in range(3000)))

    assert journal.num_open == 0
    journal.close()
