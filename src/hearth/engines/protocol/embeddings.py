"""What a worker that makes vectors is asked, and what it answers."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from hearth.engines.protocol.requests import INITIAL_CREDIT


class EmbedRequest(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Turn inputs, all of one kind, into a vector each; or score each against a query."""

    texts: list[str] | None = None
    token_ids: list[list[int]] | None = None
    "Without the special tokens; those are added."
    fields: list[dict[str, Any]] | None = None  # Any: JSON values, for the template alone
    template: str = ""
    "Jinja, renders each of `fields` to a text."
    query: str | None = None
    "Score the inputs by how well they fit this text, instead of telling their vectors."
    dimensions: int | None = None
    "Keep so many of a vector's first numbers; None: all."
    normalize: bool = False
    "Bring vectors to length 1, also those of a model that does not do so itself."
    form: Literal["float", "base64"] = "float"
    "How a vector is written: a JSON list, or a JSON text of little-endian float32."
    overflow: Literal["truncate", "error"] = "truncate"
    "What becomes of an input that is longer than the model reads."
    param: str = "input"
    "The request's field, for errors."
    first: int | None = 0
    "The place of the first input in that field, for errors; None: the field is the input."
    credit: int = INITIAL_CREDIT

    @property
    def n(self) -> int:
        """Choices of its answer: one, with a delta for each batch and the vectors in the last."""
        return 1

    @property
    def max_tokens(self) -> int:
        """No token is generated."""
        return 0


class Vectors(Struct, frozen=True, array_like=True):
    """All that was asked of an `EmbedRequest`, in the order of its inputs."""

    encoded: list[bytes]
    "The vectors as JSON; empty where a query was given."
    scores: list[float]
    "With a query only; the higher the better."
    truncated: list[int]
    "Which inputs were cut to what the model reads, from 0 in this request."
