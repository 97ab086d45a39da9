"""The page of the inference routes: what becomes of each field of a request, engine by engine.

Every row is a request that is really read and really put before the checks of each engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from hearth.engines import fake, fake_embedding
from hearth.engines.embedding.intake import check as check_vectors
from hearth.engines.embedding.intake import read_inputs
from hearth.engines.engine import Failed
from hearth.engines.llm.llamacpp.loading import capabilities
from hearth.engines.llm.native.loading import CAPABILITIES as NATIVE
from hearth.engines.llm.request_checks import check_request
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.llm.text_engine import TextEngine
from hearth.engines.protocol import Capabilities, EmbedRequest, GenerateRequest, Hello, WorkerSpec
from hearth.engines.remote.kinds import CAPABILITIES, Kind
from hearth.engines.remote.reach import check_reach
from hearth.errors import InvalidRequest
from hearth.gateway import chat, completions
from hearth.gateway.build import passed_over, unused_hints
from hearth.gateway.chat import chat_request
from hearth.gateway.completions import completion_requests
from hearth.gateway.decode import BodyDecoder
from hearth.gateway.embeddings import embed_requests
from hearth.gateway.job import given_name
from hearth.gateway.rerank import rerank_request
from hearth.gateway.types import ChatRequest, CompletionRequest
from hearth.gateway.vector_types import EmbeddingsRequest, RerankRequest

WORKS, REFUSED, IGNORED = "works", "refused with 400", "ignored with header"

Json = dict[str, Any]  # Any: a JSON object
Asked = GenerateRequest | EmbedRequest
Check = Callable[[Asked], None]


class Row(Struct, frozen=True):
    """A field, or a value of it, and a request that has it."""

    label: str
    fields: Json
    means: str


class Engine(Struct, frozen=True):
    """What an engine checks."""

    capabilities: Capabilities
    check: Check


class Read(Struct, frozen=True):
    """A request as the gateway reads it."""

    request: Asked
    ignored: list[str]
    "Fields that nothing reads, and hints that no engine uses."
    names: dict[str, str] = {}
    "See `Job.field_names`."


class Section(Struct, frozen=True):
    """A route with its fields."""

    route: str
    least: Json
    "What every request of the route must have."
    read: Callable[[bytes], Read]
    rows: Sequence[Row]
    engines: Callable[[], dict[str, Engine]]
    "By the head of its column."


class _Described(fake.FakeTokens):
    """A runner that only says what it can do: the text machinery above it is the real one."""

    def __init__(self, spec: WorkerSpec, can: Capabilities) -> None:
        super().__init__(spec)
        self._can = can

    def hello(self) -> Hello:
        """See `TokenEngine.hello`."""
        return msgspec.structs.replace(super().hello(), capabilities=self._can)


def text_engines() -> dict[str, Engine]:
    """Every engine that writes text."""
    spec = WorkerSpec(replica_id="", address="", engine="fake", model="m", context_tokens=10_000)
    found = {
        "llamacpp": _text_engine(_Described(spec, capabilities(knows_pieces=True))),
        "native": _text_engine(_Described(spec, NATIVE)),
        "fake": _text_engine(fake.FakeTokens(spec)),
    }
    return found | {f"remote: {kind}": _remote(kind) for kind in Kind}


def _text_engine(tokens: fake.FakeTokens) -> Engine:
    template = ChatTemplate(fake.TEMPLATE, {})
    engine = TextEngine(tokens, template=template, pieces=(*fake.PIECES, b""))

    def check(request: Asked) -> None:
        assert isinstance(request, GenerateRequest)
        engine.add(1, request)

    return Engine(engine.hello().capabilities, check)


def _remote(kind: Kind) -> Engine:
    def check(request: Asked) -> None:
        assert isinstance(request, GenerateRequest)
        check_request(request, CAPABILITIES[kind], vocabulary_size=1 << 31)
        check_reach(request, kind)

    return Engine(CAPABILITIES[kind], check)


def vector_engines() -> dict[str, Engine]:
    """Every engine that makes vectors; what differs among them is what they hold."""

    def check(request: Asked) -> None:
        assert isinstance(request, EmbedRequest)
        check_vectors(request, dimensions=fake_embedding.DIMENSIONS)
        read_inputs(request, fake_embedding.FakeEncoder())

    engine = Engine(Capabilities(), check)
    return {"embedding": engine, "fake-embedding": engine}


def read_chat(body: bytes) -> Read:
    """The body of a chat completion."""
    request, ignored = _chats.decode(body)
    worker_request = chat_request(request, "account", may_emulate=True)
    return Read(worker_request, ignored + unused_hints(request), chat.given_names(request))


def read_completion(body: bytes) -> Read:
    """The body of a completion; of several prompts the first."""
    request, ignored = _completions.decode(body)
    worker_request = completion_requests(request, "account")[0]
    names = completions.given_names(request)
    return Read(worker_request, ignored + unused_hints(request), names)


def read_embeddings(body: bytes) -> Read:
    """The body of an embeddings call."""
    request, ignored = _embeddings.decode(body)
    return Read(embed_requests(request)[0], ignored)


def read_rerank(body: bytes) -> Read:
    """The body of a rerank call."""
    request, ignored = _reranks.decode(body)
    return Read(rerank_request(request), ignored)


_chats = BodyDecoder(ChatRequest, is_strict=False)
_completions = BodyDecoder(CompletionRequest, is_strict=False)
_embeddings = BodyDecoder(EmbeddingsRequest, is_strict=False)
_reranks = BodyDecoder(RerankRequest, is_strict=False)


def refused_param(section: Section, row: Row, engine: Engine) -> str | None:
    """The field that an engine's refusal of a row's request names; None where it is taken."""
    try:
        read = _read(section, row)
    except InvalidRequest as refused:
        return refused.param or ""
    try:
        engine.check(read.request)
    except Failed as refused:
        return given_name(refused.failure.param or "", read.names)
    return None


def _read(section: Section, row: Row) -> Read:
    return section.read(msgspec.json.encode(section.least | row.fields))


def verdict(section: Section, row: Row, engine: Engine) -> str:
    """What becomes of a row's request at an engine."""
    if refused_param(section, row, engine) is not None:
        return REFUSED
    read = _read(section, row)
    is_unused = isinstance(read.request, GenerateRequest) and bool(
        passed_over(read.request, engine.capabilities)
    )
    return IGNORED if read.ignored or is_unused else WORKS


def page(
    sections: Sequence[Section], table: Callable[[tuple[str, ...], list[tuple[str, ...]]], str]
) -> str:
    """The whole page.

    Args:
        table: makes Markdown of a head and rows.
    """
    parts = [f"# Inference\n\n{_INTRO}"]
    for section in sections:
        columns = section.engines()
        rows = [
            (row.label, row.means, *(verdict(section, row, each) for each in columns.values()))
            for row in section.rows
        ]
        head = ("field", "what it does", *columns)
        parts.append(f"## `POST {section.route}`\n\n{table(head, rows)}\n")
    return "\n".join(parts)


def unlisted(section: Section, fields: Sequence[str]) -> set[str]:
    """The fields of a request type that no row of its section has."""
    return set(fields) - set(section.least) - {name for row in section.rows for name in row.fields}


_INTRO = f"""\
What becomes of each field, by the engine that serves the model.

- `{WORKS}`: honoured, or passed on to an upstream that honours it.
- `{REFUSED}`: the error's `param` names the field.
- `{IGNORED}`: a hint; the answer is right without it, and `x-ignored-fields` names it.

Fields that are not here are ignored and named in that header, or refused under
`HEARTH_STRICT_FIELDS=true`. The columns `remote: …` are kinds of attached servers.

Reasoning on a model whose chat template knows none of it is emulated in profile `dev`, and says so
in the header `x-hearth-reasoning`; in profile `production` it is refused.
"""
