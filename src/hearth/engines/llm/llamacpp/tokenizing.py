"""Texts to token ids, by the server's `/tokenize`."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from hearth.engines.llm.llamacpp.exchange import Exchange, ExchangeError, post
from hearth.engines.llm.llamacpp.faults import broken, failure_of
from hearth.engines.llm.llamacpp.messages import TokenizeAnswer, TokenizeRequest
from hearth.engines.llm.types import Broken, TokenEvent, Tokenized

_MAX_AT_ONCE = 4  # of the server's spare threads; more wait here

_decoder = msgspec.json.Decoder(TokenizeAnswer)


class Tokenizing:
    """The texts that are being tokenised, a few at once.

    Args:
        socket_path: of the server.
        bos: text of the model's leading token; a text that starts with it gets no second one.
        tags: tokens like `<think>` that llama.cpp finds in any text, plain text included.
        tell: takes what came of each text.
    """

    def __init__(
        self,
        socket_path: str,
        tell: Callable[[TokenEvent], None],
        *,
        bos: str,
        tags: Sequence[str],
    ) -> None:
        self._socket_path = socket_path
        self._bos = bos
        self._tags = re.compile("|".join(map(re.escape, tags))) if tags else None
        self._tell = tell
        self._running: dict[int, Exchange] = {}
        self._waiting: deque[tuple[int, TokenizeRequest]] = deque()

    def add(self, key: int, text: str, *, special: bool, start: bool) -> None:
        """Take a text; see `TokenEngine.tokenize`."""
        has_bos = bool(self._bos) and text.startswith(self._bos)
        add_special = start and not (special and has_bos)
        content = text if special else self._without_tags(text)
        request = TokenizeRequest(content=content, add_special=add_special, parse_special=special)
        self._waiting.append((key, request))
        self._start_next()

    def cancel(self, key: int) -> None:
        """Forget a text; unknown keys are left alone."""
        exchange = self._running.pop(key, None)
        if exchange is not None:
            exchange.close()
            self._start_next()
        elif self._waiting:
            self._waiting = deque(item for item in self._waiting if item[0] != key)

    def close(self) -> None:
        """Forget all."""
        self._waiting.clear()
        for key in list(self._running):
            self.cancel(key)

    def finish(self, key: int, event: TokenEvent) -> None:
        """Tell what came of a text and start on the next."""
        self._running.pop(key, None)
        self._tell(event)
        self._start_next()

    def _without_tags(self, text: str) -> list[str]:
        """Cut every tag in two; the server tokenises the parts one by one."""
        cuts = [] if self._tags is None else [tag.start() + 1 for tag in self._tags.finditer(text)]
        return [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]

    def _start_next(self) -> None:
        while self._waiting and len(self._running) < _MAX_AT_ONCE:
            key, request = self._waiting.popleft()
            body = msgspec.json.encode(request)
            self._running[key] = Exchange(
                self._socket_path, post("/tokenize", body), _Answer(self, key)
            )


class _Answer:
    """Receives the ids of one text."""

    def __init__(self, owner: Tokenizing, key: int) -> None:
        self._owner = owner
        self._key = key
        self._body: bytes | None = None

    def on_message(self, message: bytes) -> None:
        self._body = message

    def on_end(self, error: ExchangeError | None) -> None:
        self._owner.finish(self._key, self._outcome(error))

    def _outcome(self, error: ExchangeError | None) -> TokenEvent:
        if self._body is None:
            return Broken(self._key, failure_of(error))
        try:
            return Tokenized(self._key, _decoder.decode(self._body).tokens)
        except msgspec.MsgspecError as malformed:
            return Broken(self._key, broken(f"its answer is malformed ({malformed})"))
