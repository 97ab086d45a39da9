"""The bodies of embeddings and rerank calls, as clients send them.

Names, bounds and defaults are those of the Fireworks API (embeddings and rerank reference).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from hearth.errors import InvalidRequest
from hearth.gateway.types import Natural

ModelName = Annotated[str, Meta(min_length=1, max_length=512)]
Fields = dict[str, Any]  # Any: JSON values, for the caller's own template

DEFAULT_RERANKER = "accounts/fireworks/models/qwen3-reranker-8b"
MAX_INPUTS = 2048
MAX_LENGTH = 1_000_000
"Of one input, in characters or token ids; models read a few thousand tokens at most."


class EmbeddingsRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /embeddings; a list is texts, token ids, lists of them, or objects."""

    model: ModelName
    input: (
        str | Fields | Annotated[list[str | Natural | list[Natural] | Fields], Meta(min_length=1)]
    )
    dimensions: Annotated[int, Meta(ge=1, le=65_536)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    prompt_template: Annotated[str, Meta(min_length=1, max_length=100_000)] | None = None
    normalize: bool | None = None
    context_length_exceeded_behavior: Literal["truncate", "error"] | None = None
    perf_metrics_in_response: bool | None = None
    prompt_cache_key: str | None = None
    prompt_cache_isolation_key: str | None = None
    user: str | None = None


class RerankDocument(Struct, frozen=True):
    """A document as an object."""

    text: str


class RerankRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /rerank."""

    model: ModelName | None = None
    query: str
    documents: Annotated[list[str | RerankDocument], Meta(min_length=1, max_length=MAX_INPUTS)]
    top_n: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    return_documents: bool | None = None
    perf_metrics_in_response: bool | None = None
    user: str | None = None


def check_length(value: object, where: str) -> None:
    """Refuse an input that no model could read.

    Args:
        where: how the caller knows it.

    Raises:
        InvalidRequest: a text or list of token ids that is too long, or ids that are none.
    """
    if isinstance(value, str | list) and len(value) > MAX_LENGTH:
        raise InvalidRequest(f"'{where}' is longer than {MAX_LENGTH}.", param=where)
    if isinstance(value, list) and not all(isinstance(each, int) for each in value):
        raise InvalidRequest(f"'{where}' must hold token ids alone.", param=where)
    if value == []:
        raise InvalidRequest(f"'{where}' holds no token.", param=where)
