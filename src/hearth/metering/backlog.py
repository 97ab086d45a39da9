"""What is in the journal and not yet in the ledger.

Requests are numbered as they are settled. The newest are also held here in memory, up to a bound;
when the ledger is away for longer than that, memory is dropped and the files are read instead.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice
from time import time_ns

from hearth.metering.types import Entry

MAX_ENTRIES = 10_000  # about 8 MB, a second of traffic at full speed


class Backlog:
    """Settled requests in order; `num_applied` of `num_settled` are in the ledger.

    The entries in memory are always the newest ones, without gaps.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self.wake = asyncio.Event()
        "Set when there is something to write; the reader clears it."
        self.num_settled = 0
        self.num_applied = 0
        self.is_spilled = False
        "Whether some requests that are not in the ledger are in the files alone."
        self._entries: deque[Entry] = deque()
        self._max_entries = max_entries
        self._behind_since_ns: int | None = None

    def __len__(self) -> int:
        return self.num_settled - self.num_applied

    @property
    def age_s(self) -> float:
        """How long ago the oldest request that is not in the ledger was settled."""
        if self._behind_since_ns is None:
            return 0.0
        return max(0.0, (time_ns() - self._behind_since_ns) / 1e9)

    def add(self, entry: Entry) -> None:
        """Take a request that is settled in the journal."""
        self.num_settled += 1
        if self._behind_since_ns is None:
            self._behind_since_ns = entry.settle.time_ns
        if not self.is_spilled:
            self._entries.append(entry)
            if len(self._entries) > self._max_entries:
                self.spill()
        self.wake.set()

    def peek(self, limit: int) -> tuple[list[Entry], int]:
        """The oldest entries in memory, and the number of the last of them."""
        entries = list(islice(self._entries, limit))
        return entries, self.num_settled - len(self._entries) + len(entries)

    def applied(self, last: int) -> None:
        """Take note that every request up to number `last` is in the ledger."""
        self.num_applied = max(self.num_applied, last)
        while self._entries and self.num_settled - len(self._entries) < last:
            self._entries.popleft()
        if self._entries:
            self._behind_since_ns = self._entries[0].settle.time_ns
        elif last == self.num_settled:
            self._behind_since_ns = None

    def spill(self) -> None:
        """Forget the entries in memory: the files have them."""
        self._entries.clear()
        self.is_spilled = True

    def respool(self) -> int:
        """Hold new entries in memory again; the caller reads up to the returned number itself."""
        self.is_spilled = False
        return self.num_settled
