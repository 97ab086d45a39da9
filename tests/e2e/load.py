"""Clients that ask as fast as they can, and remember every answer that they saw finished."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

from tests.gateway.test_chat import ASK
from tests.running import RunningHearth

LIMIT_S = 30.0


class Used(NamedTuple):
    """What an answer said that it used."""

    prompt_tokens: int
    completion_tokens: int


class Load:
    """So many connections, each with one request in flight, plain and streamed in turn."""

    def __init__(self, hearth: RunningHearth, *, num_connections: int) -> None:
        self.finished: dict[str, Used] = {}
        "By request id: what was read to its last byte."
        self.num_sent = 0
        self.first_finished = threading.Event()
        self._port = hearth.port
        self._key = hearth.credentials["api_key"]
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._ask_until_cut, args=(number,))
            for number in range(num_connections)
        ]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until every connection has been cut."""
        for thread in self._threads:
            thread.join(LIMIT_S)
            assert not thread.is_alive(), "a request neither ended nor broke"

    def _ask_until_cut(self, connection_number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=LIMIT_S)
        try:
            for number in count(connection_number):
                with self._lock:
                    self.num_sent += 1
                request_id, used = self._ask(connection, number)
                with self._lock:
                    assert request_id not in self.finished, "an id was given twice"
                    self.finished[request_id] = used
                self.first_finished.set()
        except (OSError, http.client.HTTPException):
            pass  # killed: this answer was not finished
        finally:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection, number: int) -> tuple[str, Used]:
        is_streamed = number % 2 == 0
        body = ASK | {"stream": is_streamed, "max_tokens": 1 + number % 12, "seed": number}
        headers = {"Authorization": f"Bearer {self._key}"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body).encode(), headers)
        response = connection.getresponse()
        content = response.read()
        assert response.status == 200, content
        if is_streamed:
            *_, last, done = content.split(b"\n\n")[:-1]
            assert done == b"data: [DONE]", content
            content = last.removeprefix(b"data: ")
        answer = json.loads(content)
        usage = answer["usage"]
        return answer["id"], Used(usage["prompt_tokens"], usage["completion_tokens"])


@contextmanager
def loaded(hearth: RunningHearth, *, num_connections: int) -> Iterator[Load]:
    """Load a Hearth for the length of a block, at whose end it is killed."""
    load = Load(hearth, num_connections=num_connections)
    load.start()
    try:
        assert load.first_finished.wait(LIMIT_S), "nothing is answered"
        yield load
    finally:
        hearth.kill()
        load.join()
