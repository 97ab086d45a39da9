"""One sequence in the server: its stream of events, as token events."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hearth.engines.llm.llamacpp.exchange import Exchange, ExchangeError, post
from hearth.engines.llm.llamacpp.faults import broken, failure_of
from hearth.engines.llm.llamacpp.messages import CompletionEvent, completion_body
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


class Generation:
    """Runs from its construction to its last event or `close`.

    Args:
        socket_path: of the server.
        window: of a sequence, in tokens.
        tell: takes every event; the last is a `Produced` with an end, or `Broken`.
    """

    def __init__(
        self,
        socket_path: str,
        request: SequenceRequest,
        *,
        window: int,
        tell: Callable[[TokenEvent], None],
    ) -> None:
        self._tell = tell
        self._sequence = request.sequence
        self._prompt_tokens = len(request.prompt)
        self._produced = 0
        self._is_admitted = False
        body = completion_body(request, window=window)
        self._exchange = Exchange(socket_path, post("/completion", body), self)

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
        if not event.stop:
            self._tell(Produced(self._sequence, added, event.content))
            return
        end = _END.get(event.stop_type)
        if end is None:
            reason = f"it ended a sequence for the reason {event.stop_type!r}"
            self._break(Broken(self._sequence, broken(reason)))
            return
        self._exchange.close()
        self._tell(Produced(self._sequence, added, event.content, end))

    def _break(self, event: Broken) -> None:
        self._exchange.close()
        self._tell(event)
