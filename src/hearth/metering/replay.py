"""From segment files to the ledger: for gateways that died, and when memory was too short."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from hearth.kit.db import Database
from hearth.metering import ledger
from hearth.metering.folder import Folder, journals
from hearth.metering.frames import Frames
from hearth.metering.leases import OnDead
from hearth.metering.types import Begin, Entry, Settle

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Read:
    """What some segments held."""

    num_applied: int = 0
    begins: dict[str, Begin] = field(default_factory=dict)
    "Those without a settle."
    last_time_ns: int = 0
    num_unattributed: int = 0
    "Settles whose begin is lost: nobody can say who owes them."
    suspects: list[Path] = field(default_factory=list)
    "Files that were harmed, or explain less than they should."


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What a replay found."""

    num_journals: int = 0
    num_settled: int = 0
    num_interrupted: int = 0
    num_unattributed: int = 0


async def replay(home: Path, db: Database, on_dead: OnDead | None = None) -> Replayed:
    """Apply the journals of all gateways of this home that have died, then remove them.

    Safe to run in several processes at once, to be killed, and to run again.

    Args:
        on_dead: awaited for each of them in a last transaction of its own, which is repeated if
            this process dies before the journal is removed.

    Raises:
        Unavailable: the database cannot be written; what is not applied stays.
        OSError: a journal cannot be read or removed.
    """
    reads = []
    root = journals(home)
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        folder = Folder.adopt(path)
        if folder is not None:
            reads.append(await _replay(folder, db, on_dead))
    return Replayed(
        num_journals=len(reads),
        num_settled=sum(read.num_applied for read in reads),
        num_interrupted=sum(len(read.begins) for read in reads),
        num_unattributed=sum(read.num_unattributed for read in reads),
    )


async def _replay(folder: Folder, db: Database, on_dead: OnDead | None) -> Read:
    gateway = folder.path.name
    try:
        read = await _apply_all(folder, db)
        if on_dead is not None:
            await ledger.transact(db, lambda conn: on_dead(conn, gateway))
        await ledger.flush_commits(db)
    except BaseException:
        folder.release()
        raise
    set_aside(read)
    folder.remove()
    if read.num_applied or read.begins:
        log.info(
            "Replayed the journal of %s: %d settled, %d interrupted.",
            *(gateway, read.num_applied, len(read.begins)),
        )
    return read


async def _apply_all(folder: Folder, db: Database) -> Read:
    gateway, read = folder.path.name, Read()
    for path in folder.segments():
        async with aclosing(read_segment(path, read)) as batches:
            async for batch in batches:
                entries = [one for one in batch if isinstance(one, Entry)]
                await ledger.apply(db, gateway, entries)
                read.num_applied += len(entries)
    rest = [ledger.interrupted(begin, read.last_time_ns) for begin in read.begins.values()]
    for start in range(0, len(rest), ledger.BATCH_ENTRIES):
        await ledger.apply(db, gateway, rest[start : start + ledger.BATCH_ENTRIES])
    return read


async def read_segment(
    path: Path, read: Read, *, num_bytes: int | None = None
) -> AsyncGenerator[list[Entry | Settle]]:
    """Every settled request of a segment in batches, in order; `read` keeps what remains.

    Args:
        num_bytes: how much to read; all of it by default.

    Raises:
        OSError: the segment cannot be read.
    """
    data = await asyncio.to_thread(path.read_bytes)
    frames = Frames(data[:num_bytes])
    num_unattributed = read.num_unattributed
    while records := list(islice(frames, ledger.BATCH_ENTRIES)):
        batch = list(ledger.join(records, read.begins))
        read.last_time_ns = max(read.last_time_ns, records[-1].time_ns)
        read.num_unattributed += sum(isinstance(one, Settle) for one in batch)
        yield batch
    if frames.damaged() or read.num_unattributed > num_unattributed:
        read.suspects.append(path)


def set_aside(read: Read) -> None:
    """Keep harmed segments in `<home>/journal-damaged` for a person to look at, and say so.

    Raises:
        OSError: they cannot be kept.
    """
    for path in read.suspects:
        root = path.parent.parent
        kept = root.with_name(f"{root.name}-damaged") / f"{path.parent.name}-{path.name}"
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileExistsError):
            os.link(path, kept)
        log.error("The journal segment %s is damaged; it is kept as %s.", path, kept)
    if read.num_unattributed:
        log.error("%d settled requests are of unknown accounts.", read.num_unattributed)
