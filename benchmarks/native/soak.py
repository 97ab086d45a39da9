"""A worker with the engine `native` under a mixed load for 80 minutes, and what its memory does.

    python -m benchmarks.native.soak --minutes 80

Up to sixteen users ask by turns: chats, texts, long and short prompts, several choices, scores,
constrained answers, answers that are cancelled, and adapters, which come and go meanwhile. The
caches are kept small, so that sequences, prompts and adapters make way for each other all the time.
One line a minute; at the end the slope of resident memory over the second half. Status 1 when a
request broke, or memory grew faster than `MAX_SLOPE_MIB_PER_H`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from random import Random
from statistics import linear_regression
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from benchmarks import machine
from benchmarks.native import files, soak_requests
from benchmarks.native.arms import spec_of
from benchmarks.native.worker_client import Client
from benchmarks.processes import CACHE
from hearth.engines.adapter_calls import change_adapter
from hearth.engines.protocol import Adapter
from hearth.engines.supervisor import Supervisor, WorkerReport, WorkerState
from hearth.errors import SetupError

MAX_SLOPE_MIB_PER_H = 32.0
"""Memory wavers by an adapter, 20 MiB, as these come and go; with some 40 independent samples in
40 minutes that blurs a slope by about 17 MiB an hour, and the bound is twice that. At 10,000
requests an hour it is three kilobytes lost with each."""
MIN_MINUTES = 60.0
"Shorter runs are not judged by their slope: for half an hour caches still fill."
USERS = 16
NUM_ADAPTERS = 12
SAMPLE_S = 5.0
CHANGE_S = 3.0  # between adapters that come or go
SHIFT_S = 20.0  # between changes of how many users are busy
OPTIONS: dict[str, str | int | float | bool] = {
    "cache_tokens": 8192,
    "resident_adapters": 4,
    "host_adapters": 6,
}


class Soak:
    """A run: what it has seen so far."""

    def __init__(self, address: str, pid: int, adapters: list[Adapter], until_s: float) -> None:
        self._address = address
        self._pid = pid
        self._adapters = adapters
        self._until_s = until_s
        self._loaded: dict[str, str] = {}
        self._busy_users = USERS
        self._draw = Random(1)
        self._client = Client()
        self._num_requests = 0
        self._num_refused = 0
        self._num_tokens = 0
        self.faults: list[str] = []
        self.samples: list[tuple[float, float]] = []
        "Hours since the start, and MiB resident."

    async def run(self) -> None:
        """Ask until the time is up, or the worker is gone."""
        await self._client.connect(self._address)
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(USERS):
                    tasks.create_task(self._use(number))
                tasks.create_task(self._shift())
                tasks.create_task(self._change_adapters())
                tasks.create_task(self._report())
        except* ConnectionError:
            self._note("the worker is gone")
        self._client.close()

    @property
    def slope(self) -> float:
        """Growth over the second half, by least squares, in MiB an hour."""
        late = self.samples[len(self.samples) // 2 :]
        return linear_regression(*zip(*late, strict=True)).slope if len(late) > 1 else 0.0

    @property
    def _is_over(self) -> bool:
        return time.monotonic() >= self._until_s

    async def _use(self, number: int) -> None:
        while not self._is_over:
            if number >= self._busy_users:
                await asyncio.sleep(0.2)
            else:
                await self._ask()

    async def _ask(self) -> None:
        asked = soak_requests.drawn(self._draw, self._loaded)
        adapter = asked.request.adapter
        try:
            reply = await self._client.ask(asked.request, cancel_after=asked.cancel_after)
        except TimeoutError:
            self._note("an answer did not end")
            return
        self._num_requests += 1
        self._num_tokens += reply.num_tokens
        if reply.failure is None:
            self._note(asked.fault(reply))
        elif reply.failure.kind == "unavailable" and adapter and adapter not in self._loaded:
            self._num_refused += 1  # it was unloaded while the request was on its way
        else:
            self._note(reply.failure.message)

    def _note(self, fault: str) -> None:
        if fault:
            self.faults.append(fault)
            print(f"Broken: {fault}", flush=True)

    async def _shift(self) -> None:
        while not self._is_over:
            self._busy_users = self._draw.randint(1, USERS)
            await asyncio.sleep(SHIFT_S)

    async def _change_adapters(self) -> None:
        while not self._is_over:
            try:
                await self._change(self._draw.choice(self._adapters))
            except SetupError as error:
                self._note(str(error))
            await asyncio.sleep(CHANGE_S)

    async def _change(self, adapter: Adapter) -> None:
        if adapter.name in self._loaded:
            del self._loaded[adapter.name]
            await change_adapter(self._address, adapter.name)
        else:
            await change_adapter(self._address, adapter)
            self._loaded[adapter.name] = adapter.digest

    async def _report(self) -> None:
        started_s = told_s = time.monotonic()
        told_tokens = 0
        while not self._is_over:
            await asyncio.sleep(min(SAMPLE_S, max(self._until_s - time.monotonic(), 0)))
            now_s, resident_mib = time.monotonic(), machine.resident_mib(self._pid)
            self.samples.append(((now_s - started_s) / 3600, resident_mib))
            if now_s - told_s < 60 and not self._is_over:
                continue
            rate = (self._num_tokens - told_tokens) / (now_s - told_s)
            told_s, told_tokens = now_s, self._num_tokens
            stats = await self._client.stats()
            print(
                f"{(now_s - started_s) / 60:.0f} min: {self._num_requests} requests, "
                f"{rate:.0f} tok/s, {resident_mib:.0f} MiB, {stats.running} run, "
                f"{stats.waiting} wait, {stats.kv_used_tokens} of {stats.kv_total_tokens} tokens "
                f"in the cache, {len(self._loaded)} adapters, {self._num_refused} refused, "
                f"{len(self.faults)} broken",
                flush=True,
            )


async def soak(minutes: float) -> bool:
    """Run; return whether all is well."""
    reports: asyncio.Queue[WorkerReport] = asyncio.Queue()
    model = files.shipped()
    with TemporaryDirectory(prefix="soak-", dir=CACHE) as folder:
        adapters = files.write_adapters(model, Path(folder), NUM_ADAPTERS)
        spec = spec_of("native", model, slots=USERS, options=OPTIONS)
        spec = replace(spec, address=f"unix://{folder}/worker.sock")
        worker = Supervisor(spec, start_timeout_s=60.0, on_report=reports.put_nowait)
        worker.start()
        try:
            report = await reports.get()
            while report.state is WorkerState.STARTING:
                report = await reports.get()
            if report.state is not WorkerState.READY:
                raise SystemExit(f"The worker did not start: {report.message}")
            until_s = time.monotonic() + 60 * minutes
            run = Soak(report.address, report.pid, adapters, until_s)
            await run.run()
        finally:
            await worker.stop(drain_timeout_s=10.0)
    return _verdict(run, minutes)


def _verdict(run: Soak, minutes: float) -> bool:
    is_long = minutes >= MIN_MINUTES
    judged = f"at most {MAX_SLOPE_MIB_PER_H:g}" if is_long else "too short a run to judge"
    print(f"Memory grew by {run.slope:.1f} MiB an hour ({judged}); {len(run.faults)} broken.")
    return not run.faults and (not is_long or run.slope <= MAX_SLOPE_MIB_PER_H)


def main() -> int:
    """Soak and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=80.0)
    return 0 if asyncio.run(soak(parser.parse_args().minutes)) else 1


if __name__ == "__main__":
    sys.exit(main())
