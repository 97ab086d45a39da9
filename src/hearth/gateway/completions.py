"""POST /completions."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from msgspec.structs import replace

from hearth.engines.protocol import GenerateRequest
from hearth.errors import InvalidRequest
from hearth.gateway.build import Desk, generate_request, shown_by
from hearth.gateway.choice_forms import COMPLETION
from hearth.gateway.http import Exchange
from hearth.gateway.inference import Inference
from hearth.gateway.routing import Router
from hearth.gateway.text_answer import TextAnswer
from hearth.gateway.types import CompletionRequest

MAX_PROMPTS = 2048
_MIXED = "'prompt' must be a text, token ids, a list of texts, or a list of token id lists."

Prompt = str | list[int]


class Completions:
    """Continues one or more prompts."""

    def __init__(self, router: Router, inference: Inference, *, is_strict: bool) -> None:
        self._desk = Desk(router, CompletionRequest, is_strict=is_strict)
        self._inference = inference

    def __call__(self, exchange: Exchange, body: bytes) -> Coroutine[Any, Any, None] | None:
        """Answer the exchange, choices numbered prompt by prompt, n for each; see `Handler`.

        Raises:
            ApiError: nothing was answered.
        """
        draft = self._desk.draft(exchange, body)
        parts = completion_requests(draft.body, draft.group())
        shown = shown_by(draft.body, choices_per_prompt=draft.body.n or 1)
        answer = TextAnswer(draft.head(), COMPLETION, shown)
        return self._inference.run(exchange, draft.job(parts, answer, given_names(draft.body)))


def completion_requests(body: CompletionRequest, group: str) -> list[GenerateRequest]:
    """What workers are asked, prompt by prompt.

    Args:
        group: see `cache_group`.

    Raises:
        InvalidRequest: the prompt has no known form, or a value is none.
    """
    generate = generate_request(body, group)
    return [replace(generate, prompt=prompt) for prompt in _prompts(body.prompt)]


def given_names(body: CompletionRequest) -> dict[str, str]:
    """The names of fields that workers know under another one; see `Job.field_names`."""
    is_newer = body.max_completion_tokens is not None
    return {"max_tokens": "max_completion_tokens"} if is_newer else {}


def _prompts(prompt: str | list[str | int | list[int]]) -> list[Prompt]:
    """The prompts of a request.

    Raises:
        InvalidRequest: they are of different kinds, empty, or too many.
    """
    if isinstance(prompt, str):
        return [prompt]
    token_ids = [item for item in prompt if isinstance(item, int)]
    if len(token_ids) == len(prompt):
        return [token_ids]
    if len(prompt) > MAX_PROMPTS:
        raise InvalidRequest(f"At most {MAX_PROMPTS} prompts in one call.", param="prompt")
    texts: list[Prompt] = [item for item in prompt if isinstance(item, str)]
    id_lists: list[Prompt] = [item for item in prompt if isinstance(item, list) and item]
    for same_kind in (texts, id_lists):
        if len(same_kind) == len(prompt):
            return same_kind
    raise InvalidRequest(_MIXED, param="prompt")
