"""POST /messages."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from hearth.gateway.build import answer_head, answer_headers, cache_group
from hearth.gateway.decode import BodyDecoder
from hearth.gateway.http import Exchange
from hearth.gateway.inference import Inference
from hearth.gateway.job import Job
from hearth.gateway.messages.answer import MessageAnswer
from hearth.gateway.messages.request import generate_request
from hearth.gateway.messages.types import MessagesRequest
from hearth.gateway.routing import Router

FIELD_NAMES = {"reasoning_effort": "thinking", ".function.parameters": ".input_schema"}
"""What engines name after the fields of chat completions."""


class Messages:
    """Answers a conversation as Anthropic's API does.

    Args:
        may_emulate: a model without a template for reasoning may think in a phase of its own.
    """

    def __init__(
        self, router: Router, inference: Inference, *, is_strict: bool, may_emulate: bool
    ) -> None:
        self._router = router
        self._inference = inference
        self._decoder = BodyDecoder(MessagesRequest, is_strict=is_strict)
        self._may_emulate = may_emulate

    def __call__(self, exchange: Exchange, body: bytes) -> Coroutine[Any, Any, None] | None:
        """Answer the exchange; see `Handler`.

        Raises:
            ApiError: nothing was answered.
        """
        request, ignored = self._decoder.decode(body)
        account_id = exchange.caller.account_id
        user = request.metadata.user_id if request.metadata else None
        route = self._router.admit(exchange, request.model, user)
        generate = generate_request(
            request,
            group=cache_group(account_id, exchange.header(b"x-prompt-cache-isolation-key")),
            may_emulate=self._may_emulate,
        )
        affinity = exchange.header(b"x-session-affinity")
        job = Job(
            route=route,
            parts=[generate],
            answer=MessageAnswer(answer_head(exchange, route, request.model)),
            stream=request.stream or False,
            with_usage=True,
            perf_metrics=False,
            affinity=affinity or user,
            headers=[
                (b"request-id", exchange.request_id.encode()),  # where Anthropic's clients look
                *answer_headers(generate, route),
            ],
            ignored=ignored,
            field_names=FIELD_NAMES,
        )
        return self._inference.run(exchange, job)
