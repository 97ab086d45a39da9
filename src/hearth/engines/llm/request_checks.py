"""What a request may ask of a text engine, checked before any work is done for it."""

from __future__ import annotations

from hearth.engines.engine import Failed
from hearth.engines.llm.feature_checks import check_features
from hearth.engines.llm.sampling import check_sampling
from hearth.engines.protocol import Capabilities, Failure, GenerateRequest


def check_request(
    request: GenerateRequest, capabilities: Capabilities, *, vocabulary_size: int
) -> None:
    """Refuse what the engine cannot honour.

    Raises:
        Failed: with the field at fault.
    """
    if (request.messages is None) == (request.prompt is None):
        raise _refused("Give either `messages` or a `prompt`.", "prompt")
    if request.messages is not None and not request.messages:
        raise _refused("`messages` must not be empty.", "messages")
    if isinstance(request.prompt, list):
        _check_token_prompt(request.prompt, capabilities, vocabulary_size)
    if request.n < 1:
        raise _refused(f"`n` cannot be {request.n}.", "n")
    if request.max_tokens is not None and request.max_tokens < 0:
        raise _refused(f"`max_tokens` cannot be {request.max_tokens}.", "max_tokens")
    if "" in request.stop:
        raise _refused("A stop string must not be empty.", "stop")
    if request.stop_token_ids:
        _check_stop_tokens(request.stop_token_ids, capabilities, vocabulary_size)
    if request.ignore_eos and not capabilities.ignore_eos:
        raise _refused("The engine of this model does not support `ignore_eos`.", "ignore_eos")
    if request.adapter and capabilities.adapters == "none":
        raise _refused(
            f"The engine of this model loads no adapters, so not {request.adapter}.", "model"
        )
    _check_truncation(request)
    check_features(request, capabilities)
    check_sampling(request.sampling, capabilities, vocabulary_size=vocabulary_size)


def _check_token_prompt(ids: list[int], capabilities: Capabilities, vocabulary_size: int) -> None:
    if not capabilities.token_prompts:
        raise _refused("The engine of this model takes text, not token ids.", "prompt")
    if ids and not (min(ids) >= 0 and max(ids) < vocabulary_size):
        wrong = next(token for token in ids if not 0 <= token < vocabulary_size)
        raise _refused(
            f"Token {wrong} is not in the model's vocabulary of {vocabulary_size} tokens.", "prompt"
        )


def _check_stop_tokens(ids: list[int], capabilities: Capabilities, vocabulary_size: int) -> None:
    name = "stop_token_ids"
    if not capabilities.stop_token_ids:
        raise _refused(f"The engine of this model does not support `{name}`.", name)
    if wrong := [token for token in ids if not 0 <= token < vocabulary_size]:
        raise _refused(
            f"Token {wrong[0]} is not in the model's vocabulary of {vocabulary_size} tokens.", name
        )


def _check_truncation(request: GenerateRequest) -> None:
    limit = request.prompt_truncate_tokens
    if limit is None:
        return
    if request.messages is None:
        raise _refused("Only `messages` can be truncated.", "prompt_truncate_len")
    if limit < 1:
        raise _refused(f"`prompt_truncate_len` cannot be {limit}.", "prompt_truncate_len")


def _refused(message: str, param: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=param))
