"""Server processes under test: started on a core, frozen while others are measured, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks import machine

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache" / "bench"
PYTHON = sys.executable
POLL_S = 0.01
END_S = 20.0  # a server that does not end by then is killed


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Let processes started meanwhile use that core alone; None leaves them free."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if core is None else {core})  # a child inherits it
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """A server process; its output goes to a log in the cache folder.

    Args:
        core: the only core it and its children may use; None leaves it free.
        environ: variables on top of our own.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        core: int | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        self.log = CACHE / f"{name}.log"
        self.name = name
        with self.log.open("wb") as log, pinned(core):
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pid = self._popen.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def cpu_s(self) -> float:
        """CPU seconds spent so far by the whole tree."""
        return machine.cpu_s(self.pid)

    def resident_mib(self) -> float:
        """Resident memory of the whole tree."""
        return machine.resident_mib(self.pid)

    def pause(self) -> None:
        """Freeze the tree, so that its timers disturb nobody."""
        self._signal_tree(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the tree run again."""
        self._signal_tree(signal.SIGCONT)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to end and wait; kill it when it does not."""
        if self._popen.poll() is not None:
            return
        self.resume()
        self._popen.send_signal(how)
        try:
            self._popen.wait(END_S)
        except subprocess.TimeoutExpired:
            self._signal_tree(signal.SIGKILL)
            self._popen.wait()

    def wait_until(self, address: str, request: bytes, *, limit_s: float) -> float:
        """Wait until the server answers 200; return how long that took in seconds.

        Raises:
            RuntimeError: the process ended, or never answered; the message names its log.
        """
        started_s = time.monotonic()
        while (waited_s := time.monotonic() - started_s) < limit_s:
            if status(address, request) == 200:
                return waited_s
            if self._popen.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self._popen.returncode}: {self.log}")
            time.sleep(POLL_S)
        raise RuntimeError(f"{self.name} did not answer in {limit_s:g} s: {self.log}")

    def wait_until_alone(self, *, limit_s: float) -> None:
        """Wait until what the server started for its own start has ended.

        Raises:
            RuntimeError: it still has children.
        """
        deadline_s = time.monotonic() + limit_s
        while len(machine.tree(self.pid)) > 1:
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"{self.name} still has children after {limit_s:g} s.")
            time.sleep(POLL_S)

    def _signal_tree(self, number: signal.Signals) -> None:
        for pid in machine.tree(self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def connect(address: str, timeout_s: float) -> socket.socket:
    """Connect to `/path/of.sock` or `host:port`."""
    if address.startswith("/"):
        unix = socket.socket(socket.AF_UNIX)
        unix.settimeout(timeout_s)
        unix.connect(address)
        return unix
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout_s)


def status(address: str, request: bytes, *, timeout_s: float = 10.0) -> int:
    """Send raw HTTP and return the status of the answer; 0 when there is none."""
    try:
        with connect(address, timeout_s) as peer:
            peer.sendall(request)
            words = peer.recv(4096).split(b" ", 2)
    except OSError:
        return 0
    return int(words[1]) if len(words) > 1 else 0


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
