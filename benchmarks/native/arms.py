"""The processes that are compared: one model each, frozen save while they are asked."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec

from benchmarks import machine
from benchmarks.native import genai_arm
from benchmarks.native.loads import Command, Told
from benchmarks.processes import CACHE, PYTHON, ROOT
from hearth.engines.protocol import Adapter, WorkerSpec
from hearth.engines.supervisor import worker_environment

THREADS = 2
CONTEXT_TOKENS = 2048
MODEL = "accounts/fireworks/models/smollm2-135m-instruct"
END_LIMIT_S = 20.0

Options = dict[str, str | int | float | bool]


class Arm:
    """A process that loads a model, answers commands, and stands still in between.

    Raises:
        RuntimeError: here and in `ask`, the process ended; the message names its log.
    """

    def __init__(
        self, name: str, command: Sequence[str], environ: Mapping[str, str] | None = None
    ) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        self.name = name
        self._log = CACHE / f"native-{name.replace(' ', '-')}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | (environ or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.start_s = self._answer().wall_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGCONT)
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, command: Command) -> Told:
        """Have a command done; nothing else of ours runs meanwhile."""
        assert self._process.stdin is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.write(msgspec.json.encode(command) + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def resident_mib(self) -> float:
        """Its resident memory; pages of the model's file that it maps are among it."""
        return machine.resident_mib(self._process.pid)

    def _answer(self) -> Told:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self._process.wait()}: {self._log}")
        self._process.send_signal(signal.SIGSTOP)
        return msgspec.json.decode(line, type=Told)


def spec_of(
    engine: Literal["native", "llamacpp"],
    file: Path,
    *,
    slots: int,
    options: Options | None = None,
    adapters: Sequence[Adapter] = (),
) -> WorkerSpec:
    """What a worker would be told."""
    return WorkerSpec(
        replica_id="bench",
        address="unix:///unused",
        engine=engine,
        model=MODEL,
        path=str(file),
        threads=THREADS,
        slots=slots,
        context_tokens=CONTEXT_TOKENS,
        adapters=list(adapters),
        options=options or {},
    )


def start_engine(name: str, spec: WorkerSpec) -> Arm:
    """Start one of Hearth's engines with the variables that its workers have."""
    command = [PYTHON, "-m", "benchmarks.native.engine_arm", msgspec.json.encode(spec).decode()]
    return Arm(name, command, worker_environment(THREADS))


def start_genai(name: str, python: Path, file: Path, *, streams: int) -> Arm:
    """Start OpenVINO GenAI."""
    command = [str(python), genai_arm.__file__, str(file), str(THREADS), str(streams)]
    return Arm(name, command)
