"""A small client that tries again when that can help, and only then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from hearth.client.answers import decoded, event, refusal
from hearth.client.calls import Body, Call, Json, call
from hearth.client.errors import ConnectionFailed, RequestError
from hearth.client.retries import Course, Options

if TYPE_CHECKING:
    from httpx import Response

T = TypeVar("T")


@dataclass
class RetryingClient(Options):
    """Speaks JSON to any server of this API; safe to share between threads.

    A request that broke off may have been served all the same: a retry can then cost twice.
    """

    sleep: Callable[[float], object] = field(default=time.sleep, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        import httpx

        self._http = httpx.Client()
        self._broken = httpx.RequestError

    def __enter__(self) -> RetryingClient:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(
        self,
        endpoint: str,
        json: Json = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """The value that the server answers with.

        Args:
            endpoint: below the base URL, such as `/embeddings`.
            method: by default GET, with a body POST.

        Raises:
            RequestRefused: the server answered with an error.
            ConnectionFailed: no answer came.
        """
        what = call(self, endpoint, json, method, headers)
        return decoded(self._persist(lambda course: self._whole(what, course)))

    def chat(self, model: str, messages: Sequence[Body], **fields: Json) -> Json:
        """A chat completion; `fields` are those of the request. Raises as `request` does."""
        return self.request("/chat/completions", {"model": model, "messages": messages, **fields})

    def stream(self, endpoint: str, json: Body) -> Iterator[Json]:
        """The events of a streamed answer, asked for when the first one is.

        It is asked for again only before its first line. Raises as `request` does.
        """
        what = call(self, endpoint, {**json, "stream": True})
        with ExitStack() as held:
            response, lines = self._persist(lambda course: self._begun(what, course, held))
            for line in lines:
                value = event(line, response.headers.get("x-request-id", ""))
                if value is not None:
                    yield value

    def _persist(self, attempt: Callable[[Course], T]) -> T:
        course = Course(self)
        while True:
            try:
                return attempt(course)
            except RequestError as error:
                self.sleep(course.wait_after(error))

    def _whole(self, what: Call, course: Course) -> bytes:
        body = bytearray()
        with self._sent(what, course) as response:
            for piece in response.iter_bytes():
                course.check()
                body += piece
        return bytes(body)

    def _begun(self, what: Call, course: Course, held: ExitStack) -> tuple[Response, Iterator[str]]:
        with ExitStack() as attempt:
            response = attempt.enter_context(self._sent(what, course))
            lines = response.iter_lines()
            first = next(lines, "")
            held.enter_context(attempt.pop_all())
        return response, chain([first], lines)

    @contextmanager
    def _sent(self, what: Call, course: Course) -> Iterator[Response]:
        try:
            with self._http.stream(
                what.method,
                what.url,
                headers=what.headers,
                content=what.content,
                timeout=course.patience(),
            ) as response:
                if response.status_code >= 300:
                    body, now = response.read(), self.wall_clock()
                    raise refusal(response.status_code, response.headers, body, now)
                yield response
        except self._broken as error:
            raise ConnectionFailed(f"{type(error).__name__}: {error}") from error
