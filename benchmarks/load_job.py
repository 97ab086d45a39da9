"""What the load generator is asked to do and what it reports, and how to run it."""

from __future__ import annotations

import subprocess

import msgspec
from msgspec import Struct

from benchmarks.processes import PYTHON, ROOT, pinned

COUNTER = "@COUNT@"
"Stands in a body for a number that is another in every request."

DRAIN_LIMIT_S = 120.0  # answers in flight at the end of a window may take so long


class Job(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One window of load on one server, over keep-alive connections.

    Closed loop (`rate_hz` 0): every connection asks again as soon as it was answered, until
    `seconds` have passed or `requests` were sent. Open loop: `requests` at the given rate, latency
    counted from when each was due. Answers in flight at the end are always waited for.
    """

    address: str
    "`host:port`, or the path of a Unix socket."
    key: str
    body: str
    path: str = "/v1/chat/completions"
    connections: int = 32
    seconds: float = 0.0
    requests: int = 0
    rate_hz: float = 0.0
    min_events: int = 0
    "A stream with fewer server-sent events than this is at fault."
    first_count: int = 0
    "What `COUNTER` is replaced with in the first request."

    def head(self, length: int) -> bytes:
        """The request line and headers for a body of so many bytes."""
        return (
            f"POST {self.path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {self.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        ).encode()

    def request(self, count: int = 0) -> bytes:
        """One whole request."""
        body = self.body.replace(COUNTER, f"{count:08d}").encode()
        return self.head(len(body)) + body


class Result(Struct, frozen=True, kw_only=True):
    """What a window gave; the medians are milliseconds, 0 without answers."""

    answers: int
    events: int
    tokens: int
    wall_s: float
    latency_ms: float
    first_text_ms: float
    faults: list[str]
    "The first few; a window with any is void."


def run(job: Job, core: int | None = None) -> Result:
    """Run a window in a process of its own.

    Raises:
        RuntimeError: the generator failed, or an answer was not what was asked for.
    """
    with pinned(core):
        done = subprocess.run(
            [PYTHON, "-m", "benchmarks.load"],
            input=msgspec.json.encode(job),
            stdout=subprocess.PIPE,
            cwd=ROOT,
            timeout=job.seconds + DRAIN_LIMIT_S + 60.0,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"The load generator failed on {job.address}.")
    result = msgspec.json.decode(done.stdout, type=Result)
    if result.faults:
        raise RuntimeError(f"{job.address} answered wrongly: {'; '.join(result.faults)}")
    return result
