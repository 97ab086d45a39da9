"""A decoded inference request: what to generate, for which route, and how to answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from msgspec import Struct

from hearth.deployments import ComplianceMode
from hearth.engines.protocol import EmbedRequest, GenerateRequest, Usage, Vectors
from hearth.errors import ApiError, InvalidRequest
from hearth.gateway.answers import Answer
from hearth.gateway.error_shapes import Headers, error_object
from hearth.pricing import Subject

_HEADER_VALUE_LIMIT = 1024  # proxies refuse long headers


def given_name(param: str, names: Mapping[str, str]) -> str:
    """A field's place under the name that the client gave it.

    Args:
        names: by the workers' name; one that begins with a dot stands for that part of a place.
    """
    name = param.partition(".")[0].partition("[")[0]
    place = param[len(name) :]
    for part in names:
        if part.startswith("."):
            place = place.replace(part, names[part], 1)
    return names.get(name, name) + place


class Route(Struct, frozen=True, kw_only=True):
    """Where requests for a model go."""

    model: str
    "The full name of the model that was asked for."
    served_by: str
    "The full name of the model whose weights answer; another one only for a stand-in."
    adapter: str = ""
    "The full name of the adapter on those weights that answers; empty: none."
    subject: Subject = Subject()
    "What is priced: the model that was asked for."
    deployment: str = ""
    "The deployment that answers, whose accelerators are paid for, not its tokens; else serverless."
    emulated: str = ""
    "The accelerator that this machine's processor stands in for."
    mode: ComplianceMode | None = None
    "The rules that the deployment keeps to."
    router: str = ""
    "The router that chose the deployment; empty: the request named it itself."
    left_out: tuple[str, ...] = ()
    "The router's other deployments that are not ready."

    @property
    def keeps_content(self) -> bool:
        """Whether prompts and answers may be stored or repeated."""
        return self.mode is None or self.mode.keeps_content

    @property
    def headers(self) -> Headers:
        """What every answer says of who gives it."""
        served = (b"x-hearth-served-by", self.served_by.encode())
        if not self.deployment:
            return [served]
        headers = [served, (b"fireworks-deployment", self.deployment.encode())]
        if self.emulated:
            headers.append((b"x-hearth-emulated", self.emulated.encode()))
        if self.router:
            headers.append((b"x-hearth-router", self.router.encode()))
        if self.left_out:
            headers.append((b"x-hearth-not-ready", ",".join(self.left_out).encode()))
        return headers

    @property
    def pool(self) -> str:
        """The replicas among which a request may choose, by the name they share."""
        return self.deployment or self.served_by

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
    field_names: Mapping[str, str] = {}
    "What the client calls the fields that workers name in errors; see `given_name`."
    ignored: list[str] = []
    "Fields of the body that nothing reads, and hints that nothing uses."
    archive: Callable[[bytes], Awaitable[bytes]] | None = None
    "Given the rest of an answer before it is sent, keeps the answer and returns what is sent."

    def __post_init__(self) -> None:
        """Let the adapter that the route names answer every part."""
        if self.route.adapter:
            adapter = self.route.adapter
            self.parts = [msgspec.structs.replace(part, adapter=adapter) for part in self.parts]

    def failure(self, error: ApiError) -> bytes:
        """What ends an answer that had begun; see `Answer.failure`."""
        return self.answer.failure(error)

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

    def told(self, error: Exception) -> Exception:
        """The error with the field at fault under the name that the client gave it."""
        if not (self.field_names and isinstance(error, InvalidRequest) and error.param):
            return error
        return InvalidRequest(error.message, param=given_name(error.param, self.field_names))

    def all_headers(self, *, is_emulated: bool) -> Headers:
        """The headers that say how the request was really treated.

        Args:
            is_emulated: the thinking was a phase of our own, not the model's.
        """
        if not (self.ignored or is_emulated):
            return self.headers
        headers = list(self.headers)
        if self.ignored:
            headers.append(list_header(b"x-ignored-fields", sorted(self.ignored)))
        if is_emulated:
            headers.append((b"x-hearth-reasoning", b"emulated"))
        return headers


class VectorJob(Struct, kw_only=True):
    """An embeddings or rerank call; a part is some of its inputs and becomes one worker request."""

    route: Route
    parts: list[EmbedRequest]
    body: Callable[[list[Vectors], Usage, dict[str, float] | None], bytes]
    "Writes the answer from the vectors of each part, in order."
    perf_metrics: bool
    affinity: str | None
    headers: Headers
    ignored: list[str]
    with_usage: bool = True
    keep_s: float | None = None
    archive: None = None
    max_tokens: int = 0
    "No token is generated."
    num_choices: int = 1

    def failure(self, error: ApiError) -> bytes:
        """What ends an answer that had begun."""
        return msgspec.json.encode({"error": error_object(error)})

    def told(self, error: Exception) -> Exception:
        """See `Job.told`; workers know these fields by the client's own names."""
        return error

    def all_headers(self) -> Headers:
        """The headers that say how the request was really treated."""
        ignored = [list_header(b"x-ignored-fields", sorted(self.ignored))] if self.ignored else []
        return [*self.headers, *ignored]


Work = Job | VectorJob


def list_header(name: bytes, values: list[str]) -> tuple[bytes, bytes]:
    """A header that lists values, cut to what proxies take."""
    text = ",".join(values).encode("ascii", "replace")[:_HEADER_VALUE_LIMIT]
    return name, bytes(c for c in text if 32 <= c < 127)
