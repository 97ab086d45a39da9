"""When a request is sent again, and after what wait; knows no HTTP library and never sleeps."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from email.utils import parsedate_to_datetime

from hearth.client.errors import ConnectionFailed, RequestError, RequestRefused

DEFAULT_URL = "http://127.0.0.1:8686/inference/v1"


@dataclass
class Options:
    """What a retrying client is told. All times are in seconds."""

    api_key: str = field(repr=False)
    "Empty: none is sent."
    base_url: str = DEFAULT_URL
    "As other clients take it."
    _: KW_ONLY
    max_retries: int = 3
    "How often a request is sent again; 0: never."
    retry_delay: float = 1.0
    "Before the first retry; doubles with each, less up to a quarter by chance."
    max_wait: float = 60.0
    "The longest wait. A server that asks for a longer one is not asked again."
    timeout: float = 600.0
    "Without a byte from the server."
    deadline: float | None = None
    "For a request with all its retries and waits; of a stream, until its first line."
    retry_conflicts: bool = False
    "Whether a 409 is sent again: only where the server means a lock by it."
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    wall_clock: Callable[[], float] = field(default=time.time, repr=False)
    "For a server that says the hour to come again, but not what hour it is."
    chance: Callable[[], float] = field(default=random.random, repr=False)

    def __post_init__(self) -> None:
        if not self.base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url must start with http:// or https://, not {self.base_url!r}")
        if not (self.api_key.isascii() and self.api_key.isprintable()):
            raise ValueError("api_key holds characters that no key has")  # and stays untold
        if self.max_retries < 0:
            raise ValueError(f"max_retries must be 0 or more, not {self.max_retries}")
        for name in ("retry_delay", "max_wait", "timeout", "deadline"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"{name} must be a number of seconds, not {value}")


class Course:
    """One request on its way through its attempts."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._num_attempts = 0
        limit = options.deadline
        self._end = math.inf if limit is None else options.clock() + limit

    def patience(self) -> float:
        """How long the next attempt may go without a byte, in seconds."""
        self._num_attempts += 1
        left = self._end - self._options.clock()
        return max(0.001, min(self._options.timeout, left))

    def check(self) -> None:
        """Raise ConnectionFailed once the deadline is over, in the midst of an answer."""
        if self._options.clock() > self._end:
            raise ConnectionFailed(f"The deadline of {self._options.deadline} s is over.")

    def wait_after(self, error: RequestError) -> float:
        """How long to wait before the next attempt, in seconds.

        Raises:
            RequestError: the given one, where another attempt is not allowed or no use.
        """
        error.num_attempts = self._num_attempts
        wait = self._wait(error)
        too_long = wait > self._options.max_wait or self._options.clock() + wait >= self._end
        if self._num_attempts > self._options.max_retries or too_long or not self._may(error):
            raise error
        return wait

    def _may(self, error: RequestError) -> bool:
        if not isinstance(error, RequestRefused):
            return True
        if error.should_retry is not None:
            return error.should_retry
        if error.status == 409:
            return self._options.retry_conflicts
        return error.status in (408, 429) or error.status >= 500

    def _wait(self, error: RequestError) -> float:
        if isinstance(error, RequestRefused) and error.retry_after_s is not None:
            return error.retry_after_s
        doublings = min(self._num_attempts - 1, 64)  # 2 to the 1024th is no float
        wait = min(self._options.retry_delay * 2.0**doublings, self._options.max_wait)
        return wait * (1 - 0.25 * self._options.chance())


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """How long the server asks to wait, in seconds; None when it does not say.

    `retry-after-ms` is of the official SDKs; `Retry-After` is a number or a date, RFC 9110,
    section 10.2.3. A date is held against the server's own `Date`, which a wrong clock here
    cannot shift; against `now`, in Unix seconds, only without one.
    """
    for name, per_second in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            wait = float(headers.get(name, "")) / per_second
        except ValueError:
            continue
        if wait >= 0:  # not so for `nan`
            return wait
    moment = _unix_s(headers.get("retry-after"))
    if moment is None:
        return None
    sent = _unix_s(headers.get("date"))
    return max(0.0, moment - (now if sent is None else sent))


def _unix_s(date: str | None) -> float | None:
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
