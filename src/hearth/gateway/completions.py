"""POST /completions."""

from __future__ import annotations

from msgspec.structs import replace

from hearth.errors import InvalidRequest
from hearth.gateway.answers import CompletionAnswer
from hearth.gateway.build import answer_head, answer_headers, base_request
from hearth.gateway.decode import BodyDecoder
from hearth.gateway.http import Exchange
from hearth.gateway.inference import Inference
from hearth.gateway.job import Job
from hearth.gateway.routing import Router
from hearth.gateway.types import CompletionRequest

MAX_PROMPTS = 2048
_MIXED = "'prompt' must be a text, token ids, a list of texts, or a list of token id lists."

Prompt = str | list[int]


class Completions:
    """Continues one or more prompts."""

    def __init__(self, router: Router, inference: Inference, *, is_strict: bool) -> None:
        self._router = router
        self._inference = inference
        self._decoder = BodyDecoder(CompletionRequest, is_strict=is_strict)

    async def __call__(self, exchange: Exchange, body: bytes) -> None:
        """Answer the exchange; choices are numbered prompt by prompt, n for each.

        Raises:
            ApiError: nothing was answered.
        """
        request, ignored = self._decoder.decode(body)
        route = self._router.route(request.model, exchange.caller.account_id)
        generate = base_request(request)
        options = request.stream_options
        job = Job(
            route=route,
            parts=[replace(generate, prompt=prompt) for prompt in _prompts(request.prompt)],
            answer=CompletionAnswer(answer_head(exchange, request, route)),
            stream=request.stream or False,
            with_usage=options is None or options.include_usage is not False,
            perf_metrics=request.perf_metrics_in_response or False,
            affinity=exchange.header(b"x-session-affinity")
            or request.prompt_cache_key
            or request.user,
            headers=answer_headers(generate, route, ignored),
        )
        await self._inference.run(exchange, job)


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
