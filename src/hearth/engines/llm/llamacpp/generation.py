"""One sequence in the server: its stream of events, as token events."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from hearth.engines.llm.constraints import GrammarGuard
from hearth.engines.llm.llamacpp.details import TokenDetails
from hearth.engines.llm.llamacpp.exchange import Exchange, ExchangeError, post
from hearth.engines.llm.llamacpp.faults import broken, failure_of
from hearth.engines.llm.llamacpp.messages import CompletionEvent, completion_body
from hearth.engines.llm.llamacpp.slots import Placing
from hearth.engines.llm.llamacpp.token_bytes import TokenBytes
from hearth.engines.llm.types import (
    Admitted,
    Broken,
    EndReason,
    Produced,
    SequenceRequest,
    TokenEvent,
)

_END: dict[str, EndReason] = {"eos": "eos", "limit": "length"}

_decoder = msgspec.json.Decoder(CompletionEvent)


class ModelFacts(Struct, frozen=True, kw_only=True):
    """What a sequence has to know of its model."""

    window: int
    "Tokens of prompt and completion together."
    tokens: TokenBytes
    scales: Mapping[str, msgspec.Raw]
    "See `adapter_scales`."


class Generation:
    """Runs from its construction to its last event or `close`.

    Args:
        socket_path: of the server.
        placing: the slot it runs in.
        tell: takes every event; the last is a `Produced` with an end, or `Broken`.
    """

    def __init__(
        self,
        socket_path: str,
        request: SequenceRequest,
        placing: Placing,
        *,
        about: ModelFacts,
        tell: Callable[[TokenEvent], None],
    ) -> None:
        self.slot = placing.slot
        self._tell = tell
        self._sequence = request.sequence
        self._prompt_tokens = len(request.prompt)
        self._produced = 0
        self._is_admitted = False
        wants_details = request.logprobs is not None or request.token_ids
        self._details = TokenDetails(request, about.tokens) if wants_details else None
        self._guard = None if request.grammar is None else GrammarGuard(request.grammar)
        body = completion_body(
            request, placing, window=about.window, lora=about.scales[request.adapter]
        )
        self._exchange = Exchange(socket_path, post("/completion", body), self)

    @property
    def is_admitted(self) -> bool:
        """Whether the server has begun with the prompt, as far as is known."""
        return self._is_admitted

    @property
    def num_tokens(self) -> int:
        """Prompt and completion so far."""
        return self._prompt_tokens + self._produced

    def close(self) -> None:
        """Break off; the server notices the closed connection and frees the slot."""
        self._exchange.close()

    def on_message(self, message: bytes) -> None:
        """See `Receiver`."""
        try:
            event = _decoder.decode(message)
        except msgspec.MsgspecError as error:
            self._break(Broken(self._sequence, broken(f"its event is malformed ({error})")))
            return
        if event.prompt_progress is not None:
            if not self._is_admitted:  # it comes again as the prompt is worked on
                self._is_admitted = True
                self._tell(Admitted(self._sequence, event.prompt_progress.cache))
        elif event.error is not None:
            self._break(Broken(self._sequence, broken(event.error.message)))
        else:
            self._take(event)

    def on_end(self, error: ExchangeError | None) -> None:
        """See `Receiver`; the last event closes the exchange, so none came."""
        self._tell(Broken(self._sequence, failure_of(error)))

    def _take(self, event: CompletionEvent) -> None:
        added = event.tokens_predicted - self._produced
        self._produced = event.tokens_predicted
        if self._guard is not None and not self._guard.accepts(event.content):
            self._break(Broken(self._sequence, broken("its text left the grammar")))
        elif event.stop:
            self._finish(event, added)
        elif self._details is None:
            self._tell(Produced(self._sequence, added, event.content))
        else:
            self._tell_details(self._details, event, added)

    def _tell_details(self, details: TokenDetails, event: CompletionEvent, added: int) -> None:
        try:
            logprobs, ids = details.of(event, added)
        except LookupError as error:
            self._break(Broken(self._sequence, broken(f"it kept a token to itself ({error})")))
            return
        self._tell(Produced(self._sequence, added, event.content, None, logprobs, ids))

    def _finish(self, event: CompletionEvent, added: int) -> None:
        end = _END.get(event.stop_type)
        if end is None:
            reason = f"it ended a sequence for the reason {event.stop_type!r}"
            self._break(Broken(self._sequence, broken(reason)))
            return
        if end == "eos" and self._guard is not None and not self._guard.may_end:
            self._break(Broken(self._sequence, broken("it ended a text before its grammar does")))
            return
        self._exchange.close()
        logprobs = [] if self._details is None else self._details.last(end)
        self._tell(Produced(self._sequence, added, event.content, end, logprobs))

    def _break(self, event: Broken) -> None:
        self._exchange.close()
        self._tell(event)
