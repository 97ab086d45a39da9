"""A decoded inference request: what to generate, for which route, and how to answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec import Struct

from hearth.engines.protocol import GenerateRequest
from hearth.gateway.answers import Answer
from hearth.gateway.error_shapes import Headers

_HEADER_VALUE_LIMIT = 1024  # proxies refuse long headers


class Route(Struct, frozen=True, kw_only=True):
    """Where requests for a model go."""

    model: str
    "The full name of the model that was asked for."
    served_by: str
    "The full name of the model whose weights answer; another one only for a stand-in."

    @property
    def is_stand_in(self) -> bool:
        """Whether other weights than the model's own answer; every view of it says so."""
        return self.model != self.served_by


class Job(Struct, kw_only=True):
    """What `Inference` runs; a part is one prompt and becomes one worker request."""

    route: Route
    parts: list[GenerateRequest]
    answer: Answer
    stream: bool
    with_usage: bool
    perf_metrics: bool
    affinity: str | None
    "Requests with the same value go to the same replica."
    headers: Headers
    keep_s: float | None = None
    "How long the answer may be repeated to who asks the same; None: it is not, and is no repeat."
    ignored: list[str] = []
    "Fields of the body that nothing reads, and hints that nothing uses."
    archive: Callable[[bytes], Awaitable[bytes]] | None = None
    "Given the rest of an answer before it is sent, keeps the answer and returns what is sent."

    @property
    def num_choices(self) -> int:
        """Choices over all parts."""
        if len(self.parts) == 1:  # almost always; a generator costs more than the rest of it
            return self.parts[0].n
        return sum(part.n for part in self.parts)

    @property
    def max_tokens(self) -> int | None:
        """The most completion tokens of all choices together, where the client set a bound."""
        if len(self.parts) == 1:
            part = self.parts[0]
            return None if part.max_tokens is None else part.n * part.max_tokens
        if any(part.max_tokens is None for part in self.parts):
            return None
        return sum(part.n * (part.max_tokens or 0) for part in self.parts)

    def all_headers(self, *, is_emulated: bool) -> Headers:
        """The headers that say how the request was really treated.

        Args:
            is_emulated: the thinking was a phase of our own, not the model's.
        """
        if not (self.ignored or is_emulated):
            return self.headers
        headers = list(self.headers)
        if self.ignored:
            names = ",".join(sorted(self.ignored)).encode("ascii", "replace")[:_HEADER_VALUE_LIMIT]
            headers.append((b"x-ignored-fields", bytes(c for c in names if 32 <= c < 127)))
        if is_emulated:
            headers.append((b"x-hearth-reasoning", b"emulated"))
        return headers
