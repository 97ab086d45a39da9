"""The load generator, a process of its own: a `Job` on standard input, a `Result` on output."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import deque
from statistics import median
from time import perf_counter

import msgspec
import uvloop

from benchmarks.load_client import Answer, Client
from benchmarks.load_job import COUNTER, DRAIN_LIMIT_S, Job, Result

MAX_FAULTS = 3


class Load:
    """A job under way."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._fixed = None if COUNTER in job.body else job.request()
        self._due: deque[float] = deque()
        self._idle: deque[Client] = deque()
        self._answers: list[Answer] = []
        self._num_sent = 0
        self._num_in_flight = 0
        self._ended = asyncio.Event()
        self._stop_at_s = 0.0

    async def run(self) -> Result:
        """Open the connections, drive them, wait for every answer."""
        clients = [await self._connect() for _ in range(self._job.connections)]
        gc.freeze()
        started_s = perf_counter()
        self._stop_at_s = started_s + (self._job.seconds or 1e9)
        if self._job.rate_hz:
            self._idle.extend(clients)
            self._plan(started_s)
        else:
            for client in clients:
                self._ask_again(client)
        async with asyncio.timeout(self._job.seconds + DRAIN_LIMIT_S):
            await self._ended.wait()
        wall_s = max(answer.ended_s for answer in self._answers) - started_s
        for client in clients:
            client.close()
        return self._result(wall_s)

    async def _connect(self) -> Client:
        loop = asyncio.get_running_loop()
        job = self._job

        def new() -> Client:
            return Client(job.min_events, self._on_answer)

        if job.address.startswith("/"):
            _, client = await loop.create_unix_connection(new, job.address)
        else:
            host, _, port = job.address.rpartition(":")
            _, client = await loop.create_connection(new, host, int(port))
        return client

    def _plan(self, started_s: float) -> None:
        """Let every request fall due at its time, whether earlier ones were answered or not."""
        loop = asyncio.get_running_loop()
        lag_s = loop.time() - perf_counter()
        self._num_in_flight = self._job.requests
        for i in range(self._job.requests):
            due_s = started_s + i / self._job.rate_hz
            loop.call_at(due_s + lag_s, self._fall_due, due_s)

    def _fall_due(self, due_s: float) -> None:
        if self._idle:
            self._send(self._idle.popleft(), due_s)
        else:
            self._due.append(due_s)

    def _ask_again(self, client: Client) -> None:
        """Closed loop: send the next request unless the window is over."""
        now_s = perf_counter()
        enough = self._job.requests and self._num_sent >= self._job.requests
        if now_s < self._stop_at_s and not enough:
            self._num_in_flight += 1
            self._send(client, now_s)
        else:
            client.close()  # some servers keep a thread for every open connection

    def _send(self, client: Client, due_s: float) -> None:
        count = self._job.first_count + self._num_sent
        self._num_sent += 1
        client.ask(self._fixed or self._job.request(count), due_s)

    def _on_answer(self, client: Client, answer: Answer) -> None:
        self._answers.append(answer)
        self._num_in_flight -= 1
        if answer.fault:
            self._stop_at_s = 0.0
        elif not self._job.rate_hz:
            self._ask_again(client)
        elif self._due:
            self._send(client, self._due.popleft())
        else:
            self._idle.append(client)
        if not self._num_in_flight or (answer.fault and self._job.rate_hz):
            self._ended.set()

    def _result(self, wall_s: float) -> Result:
        answers = self._answers
        heard = [answer for answer in answers if answer.first_text_s]
        return Result(
            answers=len(answers),
            events=sum(answer.num_events for answer in answers),
            tokens=sum(answer.tokens for answer in answers),
            wall_s=wall_s,
            latency_ms=1e3 * median(answer.ended_s - answer.due_s for answer in answers),
            first_text_ms=1e3 * median(a.first_text_s - a.due_s for a in heard) if heard else 0.0,
            faults=[answer.fault for answer in answers if answer.fault][:MAX_FAULTS],
        )


async def main() -> None:
    """Run the job on standard input."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    result = await Load(job).run()
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    uvloop.run(main())
