"""The usage journal of one gateway process: what was admitted and what it used, on disk first.

The gateway calls `begin` and `settle`; nobody waits for a database. A settle is in the file before
its call returns, a begin at the latest with the next settle or the applier's next round. So after
a crash every answer whose end left the gateway is there, and a request without a settle is one
whose client saw no end.
"""

from __future__ import annotations

import asyncio
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Literal

from hearth.errors import Unavailable
from hearth.metering.backlog import MAX_ENTRIES, Backlog
from hearth.metering.clock import LedgerClock
from hearth.metering.folder import Folder, journals
from hearth.metering.frames import frame
from hearth.metering.segments import Segments, Unflushed
from hearth.metering.types import Begin, Entry, Settle

Mode = Literal["write", "fsync"]

SEGMENT_BYTES = 8 * 1024 * 1024  # about 20,000 requests; read in one piece at a replay
MAX_BUFFER_BYTES = 64 * 1024
RETRY_S = 5.0


class Journal:
    """Appends records for the event loop that owns it; call its methods from that loop only.

    Args:
        home: the home folder, on a local disk.
        mode: `write` survives a killed process; with `fsync`, what `synced` has awaited also
            survives power loss.
        max_backlog: how many requests may wait for the ledger in memory.
        clock: whose times its records bear.

    Raises:
        OSError: the journal's folder cannot be made.
    """

    def __init__(
        self,
        home: Path,
        *,
        mode: Mode = "write",
        segment_bytes: int = SEGMENT_BYTES,
        max_backlog: int = MAX_ENTRIES,
        clock: LedgerClock | None = None,
    ) -> None:
        self.instance = f"{socket.gethostname()}-{os.getpid()}-{token_hex(4)}"
        self.mode = mode
        self.clock = clock or LedgerClock()
        self.backlog = Backlog(max_backlog)
        self._folder = Folder.create(journals(home) / self.instance)
        self.segments = Segments(self._folder.path, segment_bytes)
        self._open: dict[str, Begin] = {}
        self._buffer = bytearray()
        self._unwritten: list[Settle] = []
        self._is_failing = False
        self._written_bytes = 0
        self._flushed_bytes = 0
        self._flushing: asyncio.Future[None] | None = None
        self._flusher = ThreadPoolExecutor(1, "journal") if mode == "fsync" else None

    @property
    def num_open(self) -> int:
        """Requests that have begun and are not settled."""
        return len(self._open)

    @property
    def is_failing(self) -> bool:
        """Whether the disk refused the last write, so that no new request is served."""
        return self._is_failing

    def begin(self, record: Begin) -> None:
        """Take note of a request before its work starts.

        Raises:
            Unavailable: the journal cannot be written, so the request must not be served.
            ValueError: no ledger could store the record.
        """
        assert record.request_id not in self._open, f"{record.request_id} has begun already"
        if self._is_failing or len(self._buffer) > MAX_BUFFER_BYTES:
            self.flush()
        self._buffer += frame(record)
        self._open[record.request_id] = record
        self.backlog.wake.set()

    def settle(self, record: Settle) -> None:
        """Write what a request used, before the last bytes of its answer go out.

        The first settle of a request counts. One that raised is kept and written as soon as the
        disk allows; to repeat it is harmless.

        Raises:
            Unavailable: the journal cannot be written, so the answer must not be finished.
            LookupError: no such request has begun, or it is settled already: a fault in the caller.
            ValueError: no ledger could store the record; the request is still open.
        """
        if record.request_id not in self._open:
            raise LookupError(f"Request {record.request_id} has not begun, or is settled already.")
        if not (self._unwritten and self._is_kept(record.request_id)):
            self._buffer += frame(record)
            self._unwritten.append(record)
        self.flush()

    def flush(self) -> None:
        """Write what `begin` gathered.

        Raises:
            Unavailable: the journal cannot be written; nothing is forgotten.
        """
        if not self._buffer:
            return
        try:
            if self.segments.is_full:
                self._rotate()
            self.segments.append(self._buffer)
        except OSError as error:
            raise self._failed(error) from error
        self._is_failing = False
        self._written_bytes += len(self._buffer)
        self._buffer.clear()
        if self._unwritten:
            for settle in self._unwritten:
                self.backlog.add(Entry(self._open.pop(settle.request_id), settle))
            self._unwritten.clear()

    async def synced(self) -> None:
        """Wait until all that is written is safe from power loss; in mode `write`, do nothing.

        Requests that wait at the same time share one flush of the disk.

        Raises:
            Unavailable: the disk could not take it, so the answer must not be finished.
        """
        if self._flusher is None:
            return
        target = self._written_bytes
        while self._flushed_bytes < target:
            if self._flushing is None:
                self._flushing = self._start_flush(self._flusher)
            elif self._flushing.done():  # it has ended in this turn of the loop; note that first
                await asyncio.sleep(0)
                continue
            try:
                # Without the shield a client that hangs up would cancel it for the others.
                await asyncio.shield(self._flushing)
            except OSError as error:
                raise self._failed(error) from error

    def close(self, *, keep: bool = False) -> None:
        """End the journal; once the ledger has all of it, its folder goes.

        Args:
            keep: leave the folder to the next start in any case.
        """
        with suppress(Unavailable):
            self.flush()
        is_done = not (keep or self._open or self.backlog)
        if self._flusher is not None:
            self._flusher.shutdown()
        self.segments.close()
        if is_done:
            self._folder.remove()
        else:
            self._folder.release()

    def _is_kept(self, request_id: str) -> bool:
        return any(kept.request_id == request_id for kept in self._unwritten)

    def _rotate(self) -> None:
        """Repeat the open begins in the new file: each file then explains its own settles, and an
        old one can be deleted although a long request began in it."""
        head = b"".join(map(frame, self._open.values()))
        self.segments.rotate(head, last=self.backlog.num_settled)
        self._written_bytes += len(head)
        if self.mode == "write":  # nobody will flush the old file
            self.segments.flushed(self.segments.unflushed())

    def _start_flush(self, flusher: ThreadPoolExecutor) -> asyncio.Future[None]:
        written_bytes, unflushed = self._written_bytes, self.segments.unflushed()
        flushing = asyncio.get_running_loop().run_in_executor(flusher, unflushed.flush)
        flushing.add_done_callback(lambda future: self._end_flush(future, written_bytes, unflushed))
        return flushing

    def _end_flush(
        self, future: asyncio.Future[None], written_bytes: int, unflushed: Unflushed
    ) -> None:
        self._flushing = None
        if future.cancelled():
            return
        if future.exception() is None:
            self._flushed_bytes = written_bytes
            self.segments.flushed(unflushed)
        else:
            # After a failed flush the kernel may have dropped pages it calls clean.
            self.segments.spoil()

    def _failed(self, error: OSError) -> Unavailable:
        self._is_failing = True
        return Unavailable(
            f"The usage journal {self._folder.path} cannot be written ({error.strerror}); "
            "free some space on its disk. Nothing is served unmetered.",
            retry_after_s=RETRY_S,
        )
