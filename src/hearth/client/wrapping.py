"""Puts a watch beside each request of an OpenAI-style client, and changes nothing else.

Whatever the client gives is passed on as it is; only streams are handed out inside a `Stream` or
`AsyncStream`, which says of itself, also to `isinstance`, that it is what it holds. It knows no
client's package: a client is anything whose attributes lead to the methods in `_RESOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from types import MethodType
from typing import Any, TypeVar, cast

from hearth.client.streams import Watch, follow

Foreign = Any  # Any: an object of a client's package
Begin = Callable[[str], Watch]
"""Is called with the model's name, or nothing, before a request; what it raises stops it."""

T = TypeVar("T")

_RESOURCES = {
    ("chat", "completions"),
    ("completions",),
    ("completion",),  # what `fireworks.client` also calls it
    ("embeddings",),
    ("responses",),
}
_MARKS = ("chat", "embeddings", "responses")
"A client of this style has one of them; others, such as Anthropic's, may have `completions`."
_METHODS = {"create", "acreate", "parse"}
_PASSAGES = {"beta", "with_raw_response"}
"Lead to the same methods."
_COPIES = {"with_options", "copy"}


def wrap(client: T, begin: Begin) -> T:
    """The client with each of its requests watched; the given one stays as it is.

    Raises:
        TypeError: it has no method that could be watched.
    """
    if not any(hasattr(client, mark) for mark in _MARKS):
        known = ", ".join(_MARKS)
        raise TypeError(
            f"{type(client).__name__} is no OpenAI-style client: it has none of {known}"
        )
    return cast(T, Wrapped(client, begin, ()))


class Wrapped:
    """A client, or a part of one on the way to its methods."""

    __slots__ = ("_begin", "_path", "_target")

    def __init__(self, target: Foreign, begin: Begin, path: tuple[str, ...]) -> None:
        object.__setattr__(self, "_target", target)
        object.__setattr__(self, "_begin", begin)
        object.__setattr__(self, "_path", path)

    @property  # type: ignore[misc]  # so that `isinstance` holds
    def __class__(self) -> type:
        return cast(type, object.__getattribute__(self, "_target").__class__)

    def __getattr__(self, name: str) -> Foreign:
        target = object.__getattribute__(self, "_target")
        begin, path = self._begin, self._path
        found = getattr(target, name)
        if path in _RESOURCES and name in _METHODS:
            return _watched(found, begin)
        if path in _RESOURCES and name == "stream" and isinstance(found, MethodType):
            return MethodType(found.__func__, self)  # it calls `create`: let it be the watched one
        if not path and name in _COPIES:
            return lambda *args, **fields: wrap(found(*args, **fields), begin)
        if name in _PASSAGES:
            return Wrapped(found, begin, path)
        further = (*path, name)
        if any(resource[: len(further)] == further for resource in _RESOURCES):
            return Wrapped(found, begin, further)
        return found

    def __setattr__(self, name: str, value: Foreign) -> None:
        setattr(self._target, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._target, name)

    def __dir__(self) -> list[str]:
        return dir(self._target)

    def __repr__(self) -> str:
        return repr(self._target)

    def __enter__(self) -> Wrapped:
        self._target.__enter__()
        return self

    def __exit__(self, *failure: Foreign) -> Foreign:
        return self._target.__exit__(*failure)

    async def __aenter__(self) -> Wrapped:
        await self._target.__aenter__()
        return self

    async def __aexit__(self, *failure: Foreign) -> Foreign:
        return await self._target.__aexit__(*failure)


def _watched(method: Foreign, begin: Begin) -> Callable[..., Foreign]:
    def send(*args: Foreign, **fields: Foreign) -> Foreign:
        named = fields.get("model") or next(iter(args), None)
        model = named if isinstance(named, str) else ""
        return watched(lambda: method(*args, **fields), begin(model))

    return send


def watched(send: Callable[[], T], watch: Watch) -> T:
    """Send a request and have it watched; the answer may be one to await, or a stream."""
    try:
        answer = send()
    except BaseException as error:
        watch.ended(error)
        raise
    if isawaitable(answer):
        return cast(T, _awaited(answer, watch))
    return cast(T, follow(answer, watch))


async def _awaited(answer: Foreign, watch: Watch) -> Foreign:
    try:
        found = await answer
    except BaseException as error:
        watch.ended(error)
        raise
    return follow(found, watch)
