"""A real `hearth gateway` in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.running import environment_for, free_port

START_LIMIT_S = 60.0
END_LIMIT_S = 60.0


class RunningGateway:
    """One process; it is started again with `start` on the same port."""

    def __init__(self, home: Path, *, engine: str = "fake", **settings: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output: deque[str] = deque(maxlen=2000)
        self._engine = engine
        self._settings = settings
        self._settled = threading.Event()

    def start(self) -> RunningGateway:
        """Start it and wait until it serves."""
        self._settled.clear()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hearth.cli.gateway", "--engine", self._engine],
            env=environment_for(self.home, self.port, self._settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._settled.wait(START_LIMIT_S), "".join(self.output)
        assert self.process.poll() is None, "".join(self.output)
        return self

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output.append(line)
                if "The gateway serves at" in line:
                    self._settled.set()
        self._settled.set()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(END_LIMIT_S)
        self._reader.join(END_LIMIT_S)

    def stop(self) -> int:
        """Have it drain; return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        status = self.process.wait(END_LIMIT_S)
        self._reader.join(END_LIMIT_S)
        return status


@contextmanager
def running_gateways(home: Path, *, num: int, **settings: str) -> Iterator[list[RunningGateway]]:
    """Run so many gateways of a home for the length of a block."""
    with ExitStack() as ending:
        gateways = [RunningGateway(home, **settings) for _ in range(num)]
        for gateway in gateways:
            ending.callback(gateway.stop)
            gateway.start()
        yield gateways
