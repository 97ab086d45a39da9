"""Follows answers, streams to their end, and tells a watch what passes by."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any, Protocol, cast

Foreign = Any  # Any: an object of a client's package


class Watch(Protocol):
    """Is told of one request. What it raises reaches the caller, so it should not."""

    def answered(self, answer: object) -> None:
        """The whole answer is here; None when it could not be read."""

    def opened(self) -> None:
        """A stream begins."""

    def piece(self, piece: object) -> None:
        """A piece of the stream is here."""

    def ended(self, error: BaseException | None) -> None:
        """The request is over: the last call, and the only one that always comes.

        Except when a stream is dropped without being closed.
        """


def follow(answer: Foreign, watch: Watch) -> Foreign:
    """The answer itself, or a stand-in that tells the watch what passes through it."""
    kind = type(answer)
    if hasattr(kind, "__anext__"):
        watch.opened()
        return AsyncStream(answer, watch)
    if hasattr(kind, "__next__"):
        watch.opened()
        return Stream(answer, watch)
    if hasattr(answer, "http_response") and hasattr(kind, "parse"):
        return _follow_raw(answer, watch)
    watch.answered(answer)
    watch.ended(None)
    return answer


def _follow_raw(answer: Foreign, watch: Watch) -> Foreign:
    """A raw response: its body is here, unless it is a stream, which parsing opens."""
    if not answer.http_response.is_closed:
        return RawStream(answer, watch)
    try:
        watch.answered(answer.http_response.json())
    except ValueError:
        watch.answered(None)
    watch.ended(None)
    return answer


class StandIn:
    """Everything that the target is, to whoever asks; what the classes below say comes on top."""

    def __init__(self, target: Foreign, watch: Watch) -> None:
        self._target = target
        self._watch = watch
        self._is_over = False

    @property  # type: ignore[misc]  # so that `isinstance` holds
    def __class__(self) -> type:
        return cast(type, object.__getattribute__(self, "_target").__class__)

    def __getattr__(self, name: str) -> Foreign:
        found = getattr(object.__getattribute__(self, "_target"), name)
        return self._closing(found) if name in ("close", "aclose") else found

    def __repr__(self) -> str:
        return repr(self._target)

    def _over(self, error: BaseException | None) -> None:
        if not self._is_over:
            self._is_over = True
            self._watch.ended(error)

    def _closing(self, close: Callable[[], Foreign]) -> Callable[[], Foreign]:
        async def closed(closing: Foreign) -> None:
            await closing
            self._over(None)

        def call() -> Foreign:
            closing = close()
            if isawaitable(closing):
                return closed(closing)
            self._over(None)
            return closing

        return call


class Stream(StandIn):
    """A stream of a client."""

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Foreign:
        try:
            piece = next(self._target)
        except StopIteration:
            self._over(None)
            raise
        except BaseException as error:
            self._over(error)
            raise
        self._watch.piece(piece)
        return piece

    def __enter__(self) -> Stream:
        self._target.__enter__()
        return self

    def __exit__(self, *failure: Foreign) -> Foreign:
        passed = self._target.__exit__(*failure)
        self._over(failure[1])
        return passed


class AsyncStream(StandIn):
    """A stream of an asynchronous client."""

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> Foreign:
        try:
            piece = await anext(self._target)
        except StopAsyncIteration:
            self._over(None)
            raise
        except BaseException as error:
            self._over(error)
            raise
        self._watch.piece(piece)
        return piece

    async def __aenter__(self) -> AsyncStream:
        await self._target.__aenter__()
        return self

    async def __aexit__(self, *failure: Foreign) -> Foreign:
        passed = await self._target.__aexit__(*failure)
        self._over(failure[1])
        return passed


class RawStream(StandIn):
    """A raw response whose body is a stream."""

    def parse(self, *args: Foreign, **fields: Foreign) -> Foreign:
        """What the target parses to, followed."""
        parsed = self._target.parse(*args, **fields)
        if isawaitable(parsed):
            return self._parsed_later(parsed)
        return follow(parsed, self._watch)

    async def _parsed_later(self, parsing: Foreign) -> Foreign:
        return follow(await parsing, self._watch)
