"""The engine: many requests at once to one server, and a watch over that server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

from hearth.engines.engine import Failed
from hearth.engines.llm.request_checks import check_request
from hearth.engines.protocol import (
    Delta,
    Failure,
    GenerateRequest,
    Hello,
    Stats,
    WorkerSpec,
)
from hearth.engines.remote.answer import Answer
from hearth.engines.remote.conversation import Conversations
from hearth.engines.remote.http import Http
from hearth.engines.remote.kinds import CAPABILITIES, COUNTS_BY_CHOICE
from hearth.engines.remote.options import RemoteOptions
from hearth.engines.remote.reach import check_reach
from hearth.engines.remote.upstream import Upstream
from hearth.engines.remote.watch import Watch

_ANY_TOKEN = 1 << 31
"The server's vocabulary is not known here; it refuses what is not in it."

Task = asyncio.Task[None]


class RemoteEngine:
    """Implements `engines.engine.Engine` by asking another server.

    Args:
        spec: what the worker was told.
        options: those of the spec, checked.
        upstream: what the server said of itself.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        options: RemoteOptions,
        upstream: Upstream,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
        self._upstream = upstream
        self._clock = clock
        self._http = Http(options, on_broken=lambda: self._watch.look_now())
        self._conversations = Conversations(self._http, options, upstream)
        self._watch = Watch(self._http, options, upstream)
        self._watching: Task | None = None
        self._answers: dict[int, Answer] = {}
        self._asking: dict[int, Task] = {}
        self._tasks: set[Task] = set()
        self._news: list[Delta | tuple[int, Failure]] = []
        self._has_news = asyncio.Event()
        self._bug: BaseException | None = None

    def hello(self) -> Hello:
        """See `Engine.hello`; a window of 0 means that the server does not say."""
        upstream = self._upstream
        return Hello(
            replica_id=self._spec.replica_id,
            engine="remote",
            engine_version=" ".join(filter(None, (upstream.kind, upstream.version))),
            model=self._spec.model,
            fingerprint=upstream.fingerprint,
            context_tokens=upstream.context_tokens,
            max_batch=self._spec.slots,
            capabilities=CAPABILITIES[upstream.kind],
        )

    def add(self, request_id: int, request: GenerateRequest) -> None:
        """See `Engine.add`; the server has its own queue."""
        kind = self._upstream.kind
        check_request(request, CAPABILITIES[kind], vocabulary_size=_ANY_TOKEN)
        check_reach(request, kind)
        if reason := self._watch.away:
            raise Failed(Failure(kind="unavailable", message=reason))
        answer = Answer(request_id, request, by_choice=kind in COUNTS_BY_CHOICE, clock=self._clock)
        self._answers[request_id] = answer
        self._asking[request_id] = self._own(self._ask(request_id, request, answer))

    def cancel(self, request_id: int) -> None:
        """See `Engine.cancel`; the connection is closed, by which the server knows."""
        answer = self._answers.pop(request_id, None)
        if answer is None:
            return
        self._asking.pop(request_id).cancel()
        self._tell(answer.cancelled())

    async def step(self) -> Sequence[Delta | tuple[int, Failure]]:
        """See `Engine.step`.

        Raises:
            SetupError: another server stands there than at the start; the worker begins anew.
        """
        if self._watching is None:
            self._watching = self._own(self._watch.run())
        await self._has_news.wait()
        self._has_news.clear()
        if self._bug is not None:
            raise self._bug
        news, self._news = self._news, []
        return news

    def stats(self) -> Stats:
        """See `Engine.stats`; what has produced nothing yet waits."""
        running = sum(answer.has_begun for answer in self._answers.values())
        return Stats(running=running, waiting=len(self._answers) - running)

    async def close(self) -> None:
        """See `Engine.close`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    async def _ask(self, request_id: int, request: GenerateRequest, answer: Answer) -> None:
        try:
            async with aclosing(self._conversations.ask(request)) as chunks:
                async for chunk in chunks:
                    if chunk is None:
                        self._end(request_id, answer)
                    else:
                        self._tell(answer.take(chunk))
            self._end(request_id, answer)
        except Failed as failed:
            self._fail(request_id, answer, failed.failure)

    def _end(self, request_id: int, answer: Answer) -> None:
        if self._answers.get(request_id) is answer:  # an id is used again once it is free
            self._tell([answer.end()])
            self._forget(request_id)

    def _fail(self, request_id: int, answer: Answer, failure: Failure) -> None:
        if self._answers.get(request_id) is answer:
            self._forget(request_id)
            self._tell([(request_id, failure)])

    def _forget(self, request_id: int) -> None:
        del self._answers[request_id]
        del self._asking[request_id]

    def _tell(self, news: Sequence[Delta | tuple[int, Failure]]) -> None:
        if news:
            self._news += news
            self._has_news.set()

    def _own(self, work: Coroutine[Any, Any, None]) -> Task:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: Task) -> None:
        """A task that broke is a bug, or a changed server: `step` passes it on."""
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._bug = bug
            self._has_news.set()
