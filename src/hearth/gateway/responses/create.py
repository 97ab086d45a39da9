"""POST /responses."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hearth.errors import InvalidRequest
from hearth.gateway.answers import AnswerHead
from hearth.gateway.build import answer_head, answer_headers, cache_group
from hearth.gateway.decode import BodyDecoder
from hearth.gateway.http import Exchange
from hearth.gateway.inference import CLIENT_CLOSED, Inference
from hearth.gateway.job import Job, Route
from hearth.gateway.responses.answer import Keeping, ResponseAnswer
from hearth.gateway.responses.archive import Archive
from hearth.gateway.responses.conversation import Conversation
from hearth.gateway.responses.request import check_supported, generate_request
from hearth.gateway.responses.types import Item, ResponsesRequest
from hearth.gateway.routing import Router

FIELD_NAMES = {
    "max_tokens": "max_output_tokens", "messages": "input", "prompt_truncate_len": "truncation",
    "reasoning_effort": "reasoning.effort", ".function": "",
}  # fmt: skip
"""What engines name after the fields of chat completions."""


class _Asked(Struct, frozen=True, kw_only=True):
    """A decoded request, and where it goes."""

    exchange: Exchange
    body: ResponsesRequest
    route: Route
    ignored: list[str]
    "Fields of the body that nothing reads."

    @property
    def account_id(self) -> str:
        return self.exchange.caller.account_id

    def head(self) -> AnswerHead:
        return answer_head(self.exchange, self.route, self.body.model)


class Responses:
    """Goes on with a conversation that may be kept here.

    Args:
        may_emulate: a model without a template for reasoning may think in a phase of its own.
    """

    def __init__(
        self, router: Router, inference: Inference, archive: Archive, *, is_strict: bool,
        may_emulate: bool,
    ) -> None:  # fmt: skip
        self._router = router
        self._inference = inference
        self._archive = archive
        self._decoder = BodyDecoder(ResponsesRequest, is_strict=is_strict)
        self._may_emulate = may_emulate

    def __call__(self, exchange: Exchange, body: bytes) -> Coroutine[Any, Any, None] | None:
        """Answer the exchange; see `Handler`.

        Raises:
            ApiError: nothing was answered.
        """
        request, ignored = self._decoder.decode(body)
        check_supported(request)
        session = request.prompt_cache_key or request.user
        route = self._router.admit(exchange, request.model, session)
        asked = _Asked(exchange=exchange, body=request, route=route, ignored=ignored)
        items = _items(request.input)
        has_reference = any(item.type == "item_reference" for item in items)
        if not route.keeps_content:
            asked = _unstored(asked, refers=has_reference)
        if request.previous_response_id is not None or has_reference:
            return self._look_up(asked, items)
        return self._run(asked, [], items)

    async def _look_up(self, asked: _Asked, items: Sequence[Item]) -> None:
        """Find what the request refers to, then run it."""
        archive, account_id = self._archive, asked.account_id
        history: list[Item] = []
        if asked.body.previous_response_id is not None:
            history = await archive.history(account_id, asked.body.previous_response_id)
        items = await archive.resolve(account_id, items)
        exchange = asked.exchange
        if exchange.is_gone:
            exchange.status = CLIENT_CLOSED
            exchange.cut()
            return
        waiting = self._run(asked, history, items)
        if waiting is not None:
            await waiting

    def _run(
        self, asked: _Asked, history: Sequence[Item], items: Sequence[Item]
    ) -> Coroutine[Any, Any, None] | None:
        body, exchange, account_id = asked.body, asked.exchange, asked.account_id
        conversation = Conversation()
        conversation.add(history, "previous_response_id")
        conversation.add(items, "input")
        generate = generate_request(
            body,
            conversation.messages(),
            group=cache_group(account_id, exchange.header(b"x-prompt-cache-isolation-key")),
            may_emulate=self._may_emulate,
        )
        keeping = None
        if body.store is not False:
            keeping = Keeping(keeper=self._archive, account_id=account_id, input=items)
        answer = ResponseAnswer(asked.head(), body, keeping)
        affinity = exchange.header(b"x-session-affinity")
        job = Job(
            route=asked.route,
            parts=[generate],
            answer=answer,
            stream=body.stream or False,
            with_usage=True,
            perf_metrics=False,
            affinity=affinity or body.prompt_cache_key or body.user,
            headers=answer_headers(generate, asked.route),
            ignored=asked.ignored,
            field_names=FIELD_NAMES,
            archive=None if keeping is None else answer.keep,
        )
        return self._inference.run(exchange, job)


def _unstored(asked: _Asked, *, refers: bool) -> _Asked:
    """The request to a deployment that stores nothing; a wish to store is named as not heeded.

    Raises:
        InvalidRequest: it goes on with a conversation that was stored.
    """
    body, route = asked.body, asked.route
    if refers or body.previous_response_id is not None:
        raise InvalidRequest(
            f"{route.deployment} stores no conversation, so it can go on with none; send all of "
            "it as 'input'.",
            param="input" if refers else "previous_response_id",
        )
    ignored = [*asked.ignored, "store"] if body.store else asked.ignored
    return replace(asked, body=replace(body, store=False), ignored=ignored)


def _items(given: str | list[Item]) -> list[Item]:
    return [Item(role="user", content=given)] if isinstance(given, str) else given
