"""What comes before a sequence can be scheduled: its text to tokens, its grammar compiled."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Coroutine
from collections.abc import Sequence as Many
from itertools import count
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hearth.engines.engine import Failed
from hearth.engines.llm.detokenizer import Detokenizer
from hearth.engines.llm.native.sampling import Drawing, Grammars, GrammarState
from hearth.engines.llm.native.sequence import Sequence
from hearth.engines.llm.native.speculation import Lookup
from hearth.engines.llm.native.weights import TextTokenizer
from hearth.engines.llm.types import Broken, SequenceRequest, TokenEvent, Tokenized

_SHORT_TEXT = 8192  # characters; tokenised at once in about a millisecond


class Vocabulary(Struct, frozen=True, kw_only=True):
    """A model's tokens, and how texts become them."""

    tokenizer: TextTokenizer
    size: int
    "Rows of logits; ids are below."
    end_ids: frozenset[int]
    pieces: Many[bytes]
    ids_by_name: dict[str, int]

    def shown(self, names: Many[str]) -> Many[bytes]:
        """The bytes of every token, where the special ones so named stand for their names."""
        pieces = list(self.pieces)
        for name in names:
            if name in self.ids_by_name:
                pieces[self.ids_by_name[name]] = name.encode()
        return pieces


class Entry:
    """Prepares sequences; what takes long is done in threads, beside the engine's steps.

    Args:
        admit: takes a sequence that is ready.
        tell: takes tokens of texts, and what failed.
        may_guess: whether sequences are speculated about.
        may_share: whether cached prompts are used.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        admit: Callable[[Sequence], None],
        tell: Callable[[TokenEvent], None],
        *,
        may_guess: bool,
        may_share: bool,
    ) -> None:
        self._vocabulary = vocabulary
        self._admit = admit
        self._tell = tell
        self._may_guess = may_guess
        self._may_share = may_share
        self._grammars: Grammars | None = None
        self._shown: dict[tuple[str, ...], Many[bytes]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._orders = count()

    def __len__(self) -> int:
        return len(self._tasks)

    def tokenize(self, key: int, text: str, *, special: bool, start: bool) -> None:
        """See `TokenEngine.tokenize`."""
        encode = self._vocabulary.tokenizer.encode
        if len(text) <= _SHORT_TEXT:
            self._tell(Tokenized(key, encode(text, special=special, start=start)))
            return

        async def encoding() -> None:
            ids = await asyncio.to_thread(encode, text, special=special, start=start)
            self._tell(Tokenized(key, ids))

        self._begin(key, encoding())

    def open(self, request: SequenceRequest, adapter: str) -> None:
        """Make a sequence, and admit it once its grammar is compiled.

        Args:
            adapter: its digest.
        """
        order = next(self._orders)
        if not self._may_share:
            request = replace(request, use_cache=False)
        if request.grammar is None:
            self._admit(self._sequence(request, adapter, order, None))
        else:
            self._begin(request.sequence, self._constrained(request, adapter, order))

    def cancel(self, key: int) -> None:
        """Forget a text or sequence that is not ready; others are left alone."""
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Forget all."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, key: int, work: Coroutine[Any, Any, None]) -> None:  # Any: of coroutines
        task = asyncio.ensure_future(work)
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._finish(key, done))

    def _finish(self, key: int, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled() and isinstance(error := task.exception(), Failed):
            self._tell(Broken(key, error.failure))

    async def _constrained(self, request: SequenceRequest, adapter: str, order: int) -> None:
        state = await asyncio.to_thread(self._compiled, request.grammar or "")
        del self._tasks[request.sequence]
        self._admit(self._sequence(request, adapter, order, state))

    def _compiled(self, grammar: str) -> GrammarState:
        if self._grammars is None:
            self._grammars = Grammars(self._vocabulary.pieces, sorted(self._vocabulary.end_ids))
        return self._grammars.compile(grammar).start()

    def _sequence(
        self, request: SequenceRequest, adapter: str, order: int, grammar: GrammarState | None
    ) -> Sequence:
        vocabulary = self._vocabulary
        return Sequence(
            request=request,
            drawing=Drawing(
                request,
                vocabulary.size,
                banned=vocabulary.end_ids if request.ignore_eos else (),
                grammar=grammar,
            ),
            tokens=array("i", request.prompt),
            order=order,
            adapter=adapter,
            lookup=self._lookup(request),
            detokenizer=self._detokenizer(request.shown_tokens),
        )

    def _detokenizer(self, shown: tuple[str, ...]) -> Detokenizer | None:
        if not shown:
            return None
        if shown not in self._shown:  # which a model's template decides, so there are few
            self._shown[shown] = self._vocabulary.shown(shown)
        return Detokenizer(self._shown[shown])

    def _lookup(self, request: SequenceRequest) -> Lookup | None:
        if not self._may_guess or request.max_tokens < 2:
            return None
        expected = request.prediction
        encode = self._vocabulary.tokenizer.encode
        ids = encode(expected, special=False, start=False) if expected else []
        return Lookup(request.prompt, prediction=ids)
