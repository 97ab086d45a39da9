"""A real Hearth in its own processes, for tests that go through HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

START_LIMIT_S = 60.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def environment_for(home: Path, port: int, settings: Mapping[str, str]) -> dict[str, str]:
    """Ours, with these settings of Hearth and no others."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HEARTH_")}
    environment |= {"HEARTH_HOME": str(home), "HEARTH_PORT": str(port)}
    environment["HEARTH_PREFETCH_MODELS"] = ""
    return environment | {f"HEARTH_{name.upper()}": value for name, value in settings.items()}


def _environment_of(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""  # it has ended, or is no process


class RunningHearth:
    """One `hearth up` process and what a client needs to reach it."""

    def __init__(
        self, home: Path, *, engine: str = "fake", gateways: str = "1", **settings: str
    ) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output: deque[str] = deque(maxlen=2000)
        options = ["--engine", engine, "--gateways", gateways]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hearth.cli.up", *options],
            env=environment_for(home, self.port, settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,  # so that `interrupt` reaches it and its children, and nobody else
        )
        self._settled = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output.append(line)
                if "Ctrl-C stops it" in line or "has no key of its own" in line:
                    self._settled.set()
        self._settled.set()

    def wait_ready(self) -> RunningHearth:
        """Wait for the welcome, whose first answer proves that it serves."""
        assert self._settled.wait(START_LIMIT_S), "".join(self.output)
        assert self.process.poll() is None, "".join(self.output)
        return self

    @property
    def credentials(self) -> dict[str, str]:
        """What the dev profile wrote for clients."""
        written: dict[str, str] = json.loads((self.home / "credentials.json").read_text())
        return written

    def client(self, *, key: str | None = None) -> httpx.Client:
        """An HTTP client with the dev key, or another."""
        key = self.credentials["api_key"] if key is None else key
        return httpx.Client(
            base_url=f"{self.url}/inference/v1",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=30,
        )

    def worker_pids(self) -> list[int]:
        """The pids of the engine workers among this process's children."""
        return self._children("hearth.engines.worker")

    def gateway_pids(self) -> list[int]:
        """The pids of the gateways that share its port, besides itself."""
        return self._children("hearth.cli.gateway")

    def _children(self, module: str) -> list[int]:
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        children = [int(pid) for pid in task.read_text().split()]
        return [
            pid for pid in children if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def kill(self) -> None:
        """End it as a power cut would, workers by their own doing."""
        self.process.kill()
        self.process.wait(10)
        self._reader.join(10)

    def interrupt(self) -> None:
        """Press Ctrl-C: a terminal sends it to the children too."""
        os.killpg(self.process.pid, signal.SIGINT)

    def leaves_nothing(self) -> bool:
        """Whether every process that was started for its home has ended."""
        mark = f"HEARTH_HOME={self.home}\0".encode()
        return not any(mark in _environment_of(process) for process in Path("/proc").iterdir())

    def stop(self) -> int:
        """End it as Ctrl-C does; return its exit status."""
        if self.process.poll() is None:
            self.interrupt()
        status = self.process.wait(30)
        self._reader.join(10)
        return status


@contextmanager
def running_hearth(
    home: Path, *, engine: str = "fake", gateways: str = "1", **settings: str
) -> Iterator[RunningHearth]:
    """Run Hearth for the length of a block."""
    hearth = RunningHearth(home, engine=engine, gateways=gateways, **settings)
    try:
        yield hearth.wait_ready()
    finally:
        hearth.stop()
