"""Clients of several gateways that ask as fast as they can, whatever dies meanwhile.

They remember what they saw: every answer that came whole, every refusal, how many asked in vain.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp

from tests.e2e.load import Used
from tests.gateway.test_chat import ASK

LIMIT_S = 60.0
END_LIMIT_S = 90.0
AGAIN_AFTER_S = 0.05  # a refused or broken client asks again a little later, as clients do
REFUSED = {402, 429}


@dataclass
class Seen:
    """What the clients saw."""

    finished: dict[str, Used] = field(default_factory=dict)
    "By request id: what was read to its last byte."
    refused: Counter[tuple[int, str]] = field(default_factory=Counter)
    "By status and the words of the error."
    unavailable: Counter[str] = field(default_factory=Counter)
    "Requests that a gateway answered with 5xx, in a body or in the stream, by its words."
    num_sent: int = 0
    num_broken: int = 0
    "Connections that ended in the middle of a request, or could not be made."
    num_left: int = 0
    "Streams that the client itself left."


class Crowd:
    """So many clients, each with one request in flight, in a thread of their own.

    Args:
        urls: the gateways; client number i asks the gateways in turn, from the i-th on.
        key: whose budget they use.
        num_clients: over all gateways.
    """

    def __init__(self, urls: Sequence[str], key: str, *, num_clients: int) -> None:
        self.seen = Seen()
        self.first_finished = threading.Event()
        self._urls = urls
        self._headers = {"Authorization": f"Bearer {key}"}
        self._num_clients = num_clients
        self._is_ending = False
        self._failures: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="crowd")

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def end(self) -> Seen:
        """Have every client finish its last request; what it saw."""
        self._is_ending = True
        self._thread.join(END_LIMIT_S)
        assert not self._thread.is_alive(), "a request neither ended nor broke"
        if self._failures:
            raise self._failures[0]
        return self.seen

    def _run(self) -> None:
        try:
            asyncio.run(self._ask_all())
        except BaseException as error:  # noqa: BLE001  raised again where the test waits
            self._failures.append(error)
            self.first_finished.set()

    async def _ask_all(self) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=LIMIT_S)
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=timeout, headers=self._headers
            ) as session,
            asyncio.TaskGroup() as clients,
        ):
            for number in range(self._num_clients):
                clients.create_task(self._ask_on(session, number))

    async def _ask_on(self, session: aiohttp.ClientSession, client: int) -> None:
        for number in count(client):
            if self._is_ending:
                return
            self.seen.num_sent += 1
            try:
                goes_on = await self._ask(session, number)
            except (aiohttp.ClientError, ConnectionError, TimeoutError):
                self.seen.num_broken += 1
                goes_on = False
            if not goes_on:
                await asyncio.sleep(AGAIN_AFTER_S)

    async def _ask(self, session: aiohttp.ClientSession, number: int) -> bool:
        url = f"{self._urls[number % len(self._urls)]}/v1/chat/completions"
        kind = number // len(self._urls) % 4
        body = ASK | {"max_tokens": 1 + number % 12, "seed": number, "stream": kind > 0}
        if kind == 3:  # a client that leaves in the middle
            body |= {"max_tokens": 3000, "ignore_eos": True}
        async with session.post(url, json=body) as response:
            if response.status != 200:
                self._note_failure(response.status, await response.json())
                return False
            if kind == 3:
                await response.content.readany()
                response.close()
                self.seen.num_left += 1
                return True
            return self._note_answer(await response.read(), is_streamed=kind > 0)

    def _note_answer(self, content: bytes, *, is_streamed: bool) -> bool:
        if is_streamed:
            *_, last, done = content.split(b"\n\n")[:-1]
            if done != b"data: [DONE]":  # an error ends a stream that cannot go on
                self._note_failure(500, json.loads(done.removeprefix(b"data: ")))
                return False
            content = last.removeprefix(b"data: ")
        answer = json.loads(content)
        if "usage" not in answer:
            self._note_failure(500, answer)
            return False
        usage, request_id = answer["usage"], answer["id"]
        assert request_id not in self.seen.finished, "an id was given twice"
        used = Used(usage["prompt_tokens"], usage["completion_tokens"])
        self.seen.finished[request_id] = used
        self.first_finished.set()
        return True

    def _note_failure(self, status: int, body: dict[str, Any]) -> None:  # Any: JSON
        message = body["error"]["message"]
        if status in REFUSED:
            self.seen.refused[status, message] += 1
        else:
            assert status >= 500, f"{status}: {message}"
            self.seen.unavailable[message] += 1


@contextmanager
def crowded(urls: Sequence[str], key: str, *, num_clients: int) -> Iterator[Crowd]:
    """Load gateways for the length of a block; at its end every client finishes its request."""
    crowd = Crowd(urls, key, num_clients=num_clients)
    crowd.start()
    try:
        assert crowd.first_finished.wait(LIMIT_S), "nothing is answered"
        yield crowd
    finally:
        crowd.end()
