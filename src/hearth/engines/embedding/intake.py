"""Checks an embedding request and turns its inputs into tokens."""

from __future__ import annotations

from typing import Any

from hearth.engines.embedding.prompts import render
from hearth.engines.embedding.types import Tokens, VectorModel
from hearth.engines.engine import Failed
from hearth.engines.protocol import EmbedRequest, Failure


def check(request: EmbedRequest, *, dimensions: int) -> None:
    """Refuse what the model cannot do.

    Args:
        dimensions: of the model's vectors.

    Raises:
        Failed: the field is named.
    """
    given = (request.texts, request.token_ids, request.fields)
    if sum(each is not None for each in given) != 1:
        raise refused("Give texts, token ids or fields, one of the three.", request.param)
    if request.dimensions is not None and not 0 < request.dimensions <= dimensions:
        raise refused(f"The model's vectors have {dimensions} dimensions.", "dimensions")


def read_inputs(request: EmbedRequest, model: VectorModel) -> list[Tokens]:
    """Tokenise the inputs, and the query after them; blocks, so call it in a thread.

    Raises:
        Failed: an input cannot be used; it is named.
    """
    tokenizer = model.tokenizer
    if request.token_ids is not None:
        _check_ids(request, request.token_ids, model.vocabulary_size)
        inputs = [tokenizer.of_ids(ids) for ids in request.token_ids]
    else:
        inputs = tokenizer.of_texts(_texts(request))
    if request.overflow == "error":
        _refuse_long(request, inputs, model.max_tokens)
    if request.query is not None:
        inputs += tokenizer.of_texts([request.query])
    return inputs


def _texts(request: EmbedRequest) -> list[str]:
    if request.fields is None:
        return request.texts or []
    return render(request.template, request.fields, lambda i: place(request, i))


def place(request: EmbedRequest, index: int) -> str:
    """How the caller knows an input."""
    return request.param if request.first is None else f"{request.param}[{request.first + index}]"


def refused(message: str, param: str) -> Failed:
    """A request that is the caller's to mend."""
    return Failed(Failure(kind="invalid", message=message, param=param))


def _check_ids(request: EmbedRequest, lists: list[list[Any]], size: int) -> None:  # Any: ids
    for index, ids in enumerate(lists):
        if any(not 0 <= each < size for each in ids):
            where = place(request, index)
            raise refused(f"'{where}': the model's token ids are 0 to {size - 1}.", where)


def _refuse_long(request: EmbedRequest, inputs: list[Tokens], max_tokens: int) -> None:
    for index, tokens in enumerate(inputs):
        if tokens.is_truncated:
            where = place(request, index)
            raise refused(f"'{where}' is longer than the model's {max_tokens} tokens.", where)
