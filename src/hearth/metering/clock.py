"""The one clock of what is billed: it never goes back, whatever the machine's clock does.

A day, a month and a limit's window are over once; a clock that is set back would open them again.
So time stands still until the machine's clock has caught up. Nothing needs times to be unique:
requests are told apart by their ids, and all that begin meanwhile belong to the same moment.

A leap second is the same on a smaller scale: POSIX clocks have no name for it and repeat the second
before it, or stretch some. Here that second is not repeated: what begins in it counts at the start
of the next, once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

SLEW_NS = 10**6  # daemons that keep time set it back by less without anybody having to know

log = logging.getLogger(__name__)


class LedgerClock:
    """Nanoseconds since the epoch, for one process.

    Args:
        wall_ns: the machine's clock.
    """

    def __init__(self, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._wall_ns = wall_ns
        self._last_ns = 0
        self._is_told = False

    @property
    def behind_s(self) -> float:
        """How long billing time will stand still, because the machine's clock went back."""
        return max(0, self._last_ns - self._wall_ns()) / 1e9

    def now_ns(self) -> int:
        """The present moment, or the latest there has been, if the machine's clock went back."""
        now_ns = self._wall_ns()
        if now_ns >= self._last_ns:
            self._last_ns = now_ns
            self._is_told = False
        elif not self._is_told and self._last_ns - now_ns > SLEW_NS:
            self._is_told = True
            log.warning(
                "The machine's clock went back by %.3f s: until it has caught up, "
                "billing time stands still.",
                (self._last_ns - now_ns) / 1e9,
            )
        return self._last_ns
