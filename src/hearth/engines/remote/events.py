"""Server-sent events cut out of a byte stream, and what the data of one says.

Format: the event stream of the HTML standard, lines ending in LF or CRLF.
"""

from __future__ import annotations

import builtins
import zlib
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta, Struct

from hearth.engines.engine import Failed
from hearth.engines.protocol import Failure

DONE = b"[DONE]"
MAX_EVENT_BYTES = 16 * 1024 * 1024  # a server that ends no line must not fill the memory

MAX_CALLS = 1024  # in one answer


class CachedTokens(Struct, frozen=True):
    """How much of a prompt came from the server's cache."""

    cached_tokens: int | None = None


class CompletionDetails(Struct, frozen=True):
    """How much of a completion was thinking."""

    reasoning_tokens: int | None = None


class UpstreamUsage(Struct, frozen=True):
    """Tokens as the server counts them."""

    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: CachedTokens | None = None
    completion_tokens_details: CompletionDetails | None = None

    @property
    def completion(self) -> int:
        """Tokens produced so far."""
        return self.completion_tokens or 0

    @property
    def cached(self) -> int:
        """Prompt tokens from the cache; 0 where the server does not say."""
        details = self.prompt_tokens_details
        return (details.cached_tokens or 0) if details else 0

    @property
    def reasoning(self) -> int:
        """Tokens of thinking; 0 where the server does not say."""
        details = self.completion_tokens_details
        return (details.reasoning_tokens or 0) if details else 0


class CallFunction(Struct, frozen=True):
    """A piece of a call's function."""

    name: str | None = None
    arguments: str | None = None


class CallPiece(Struct, frozen=True):
    """A piece of a tool call."""

    index: Annotated[int, Meta(ge=0, lt=MAX_CALLS)] = 0
    id: str | None = None
    function: CallFunction | None = None


class ContentDelta(Struct, frozen=True):
    """What a chunk adds to a chat message."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    "The newer name that vLLM gives it."
    tool_calls: list[CallPiece] | None = None

    @property
    def thought(self) -> str:
        """The thinking it adds."""
        return self.reasoning_content or self.reasoning or ""


class ScoredToken(Struct, frozen=True):
    """A token and its log-probability."""

    token: str = ""
    logprob: float | None = None
    bytes: list[Annotated[int, Meta(ge=0, le=255)]] | None = None
    token_id: int | None = None
    top_logprobs: list[ScoredToken] = []

    @property
    def data(self) -> builtins.bytes:
        """The token's bytes; its text where they are not told."""
        return self.token.encode() if self.bytes is None else builtins.bytes(self.bytes)


class ChunkLogprobs(Struct, frozen=True):
    """Log-probabilities in either shape: of chat, or the parallel lists of completions."""

    content: list[ScoredToken] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None
    token_ids: list[int] | None = None


class ChunkChoice(Struct, frozen=True):
    """What a chunk adds to one choice; chat has `delta`, completions have `text`."""

    index: int = 0
    delta: ContentDelta | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: ChunkLogprobs | None = None
    token_ids: list[int] | None = None
    prompt_token_ids: list[int] | None = None

    @property
    def added(self) -> str:
        """The text it adds."""
        return (self.delta.content if self.delta else self.text) or ""


class ErrorObject(Struct, frozen=True):
    """What a server says of an error."""

    message: str | None = None
    param: str | None = None


class Chunk(Struct, frozen=True):
    """The data of one event."""

    choices: list[ChunkChoice] = []
    usage: UpstreamUsage | None = None
    error: ErrorObject | str | None = None
    prompt_token_ids: list[int] | None = None
    message: str | None = None
    "Old servers put the error itself where a chunk is expected, marked by `object`."
    object: str | None = None


_chunk = msgspec.json.Decoder(Chunk)


def decode_chunk(data: bytes) -> Chunk:
    """Read the data of an event.

    Raises:
        Failed: it is no chunk, or it tells of an error.
    """
    try:
        chunk = _chunk.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise broken("The upstream sent something that is not a chunk of an answer.") from None
    if chunk.error is not None or chunk.object == "error":
        said = chunk.error.message if isinstance(chunk.error, ErrorObject) else chunk.error
        raise broken(f"The upstream failed: {said or chunk.message or 'it does not say why'}")
    return chunk


def broken(message: str) -> Failed:
    """A request that the upstream has failed."""
    return Failed(Failure(kind="failed", message=message[:1000]))


class EventDecoder:
    """Cuts a stream into the data of its events, wherever the reads cut it."""

    def __init__(self, encoding: str = "") -> None:
        self._decompress = _decompressor(encoding)
        self._rest = bytearray()
        self._data: list[bytes] = []

    def push(self, read: bytes) -> list[bytes]:
        """Take what was read; return the data of every event that is whole now.

        Raises:
            Failed: an event is over the limit, or the compression is damaged.
        """
        try:
            self._rest += self._decompress.decompress(read) if self._decompress else read
        except zlib.error:
            raise broken("The upstream's compressed stream is damaged.") from None
        if len(self._rest) > MAX_EVENT_BYTES:
            raise broken("The upstream sent an event without end.")
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        taken = (self._take_line(bytes(line.removesuffix(b"\r"))) for line in lines)
        return [event for event in taken if event is not None]

    def _take_line(self, line: bytes) -> bytes | None:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif not line and self._data:  # other fields and comments say nothing of the answer
            data, self._data = b"\n".join(self._data), []
            return data
        return None


class _Decompressor(Protocol):
    def decompress(self, data: bytes, /) -> bytes: ...


def _decompressor(encoding: str) -> _Decompressor | None:
    """Undo a compression that was not asked for; some proxies compress all the same.

    Raises:
        Failed: it is one we cannot undo.
    """
    if encoding in {"", "identity"}:
        return None
    if encoding in {"gzip", "x-gzip", "deflate"}:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    raise broken(f"The upstream compressed its answer by {encoding[:40]!r}, unasked.")
