"""A whole text engine on top of a token-level runner.

It renders, tokenises, fans out choices, turns output into text, applies stop strings and the
rules of length, and keeps the account. One pass over the runner's events a step; no task per
request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count

import msgspec

from hearth.engines.engine import Failed
from hearth.engines.llm.active import ActiveRequest, Choice, ChoiceText
from hearth.engines.llm.intake import open_prompting, sequence_of
from hearth.engines.llm.request_checks import check_request
from hearth.engines.llm.sampling import API_DEFAULTS, resolved
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.llm.types import (
    Admitted,
    Broken,
    EndReason,
    Produced,
    TokenEngine,
    TokenEvent,
    Tokenized,
)
from hearth.engines.protocol import (
    Delta,
    Failure,
    FinishReason,
    GenerateRequest,
    Hello,
    Sampling,
    Stats,
)

_FINISH: dict[EndReason, FinishReason] = {
    "eos": "stop",
    "length": "length",
    "cancelled": "cancelled",
}


class TextEngine:
    """Implements `engines.engine.Engine` over a `TokenEngine`.

    Args:
        tokens: the runner; closed with this engine.
        template: of the model's chats, or why it has none that works, as one sentence.
        pieces: bytes of every token id, for a runner that gives ids; None where it gives text.
        defaults: of sampling, where a request says nothing.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        tokens: TokenEngine,
        *,
        template: ChatTemplate | str,
        pieces: Sequence[bytes] | None = None,
        defaults: Sampling = API_DEFAULTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._template = template
        self._pieces = pieces
        self._defaults = defaults
        self._clock = clock
        self._hello = _completed(tokens.hello(), chat=isinstance(template, ChatTemplate))
        self._keys = count(1)
        self._requests: dict[int, ActiveRequest] = {}
        self._tokenizing: dict[int, ActiveRequest] = {}
        self._sequences: dict[int, Choice] = {}
        self._news: list[Delta | tuple[int, Failure]] = []

    def hello(self) -> Hello:
        """See `Engine.hello`."""
        return self._hello

    def add(self, request_id: int, request: GenerateRequest) -> None:
        """See `Engine.add`; a prompt given as text is tokenised first, without waiting here."""
        check_request(
            request, self._hello.capabilities, vocabulary_size=self._tokens.vocabulary_size
        )
        self._tokens.check(request.sampling)
        active = ActiveRequest(
            id=request_id,
            asked=request,
            prompting=open_prompting(request, self._template),
            added_at=self._clock(),
        )
        active.num_open = request.n
        active.choices = [
            Choice(active, index, ChoiceText(request.stop, self._pieces))
            for index in range(request.n)
        ]
        self._requests[request_id] = active
        try:
            if active.prompting is None:
                assert isinstance(request.prompt, list)
                self._start(active, request.prompt)
            else:
                self._tokenize(active, next(active.prompting))
        except Failed:
            del self._requests[request_id]
            raise
        if self._news:
            self._tokens.wake()

    def cancel(self, request_id: int) -> None:
        """See `Engine.cancel`."""
        active = self._requests.get(request_id)
        if active is None:
            return
        self._withdraw(active)
        for choice in active.choices:
            if choice.is_open:
                text, _ = choice.text.end()
                self._tell(choice, text, "cancelled")
        self._tokens.wake()

    async def step(self) -> Sequence[Delta | tuple[int, Failure]]:
        """See `Engine.step`."""
        while not self._news:
            for event in await self._tokens.step():
                self._handle(event)
        news, self._news = self._news, []
        return news

    def stats(self) -> Stats:
        """See `Engine.stats`; a request whose prompt is being tokenised waits."""
        stats = self._tokens.stats()
        return msgspec.structs.replace(stats, waiting=stats.waiting + len(self._tokenizing))

    async def close(self) -> None:
        """See `Engine.close`."""
        await self._tokens.close()

    def _tokenize(self, active: ActiveRequest, text: str) -> None:
        key = active.text_key = next(self._keys)
        self._tokenizing[key] = active
        self._tokens.tokenize(key, text)

    def _start(self, active: ActiveRequest, prompt: Sequence[int]) -> None:
        """Hand the choices to the runner, now that the prompt's ids are known.

        Raises:
            Failed: the prompt is empty or does not fit.
        """
        sampling = resolved(active.asked.sampling, self._defaults)
        first = sequence_of(active, prompt, window=self._hello.context_tokens, sampling=sampling)
        active.prompt_tokens = len(prompt)
        for choice in active.choices:
            if first.max_tokens == 0:
                self._tell(choice, "", "length")
                continue
            number = choice.sequence = next(self._keys)
            self._sequences[number] = choice
            seed = first.seed + choice.index
            self._tokens.add(msgspec.structs.replace(first, sequence=number, seed=seed))

    def _handle(self, event: TokenEvent) -> None:
        if type(event) is Produced:
            self._take(event)
        elif type(event) is Tokenized:
            self._continue_prompting(event)
        elif type(event) is Admitted:
            self._note_admission(event)
        elif type(event) is Broken:
            self._break(event)

    def _take(self, event: Produced) -> None:
        choice = self._sequences.get(event.sequence)
        if choice is None:
            return
        active = choice.request
        if event.num_tokens:
            choice.unsent_tokens += event.num_tokens
            active.completion_tokens += event.num_tokens
            if active.first_token_at is None:
                active.first_token_at = self._clock()
        text, stopped = choice.text.push(event.output)
        if event.end is not None and not stopped:
            rest, stopped = choice.text.end()
            text += rest
        elif stopped:
            self._tokens.cancel(event.sequence)
        if stopped:
            self._tell(choice, text, "stop")
        elif event.end is not None:
            self._tell(choice, text, _FINISH[event.end])
        elif text or not active.was_announced:
            self._tell(choice, text, None)

    def _tell(self, choice: Choice, text: str, finish: FinishReason | None) -> None:
        active, usage, prompt = choice.request, None, None
        if not active.was_announced:
            active.was_announced = True
            prompt = active.prompt_info()
        if finish is not None:
            choice.is_open = False
            active.num_open -= 1
            if choice.sequence is not None:
                del self._sequences[choice.sequence]
            if active.num_open == 0:
                usage = active.usage(self._clock())
                self._requests.pop(active.id, None)
        self._news.append(
            Delta(active.id, choice.index, text, choice.unsent_tokens, finish, prompt, usage)
        )
        choice.unsent_tokens = 0

    def _continue_prompting(self, event: Tokenized) -> None:
        active = self._tokenizing.pop(event.key, None)
        if active is None:
            return
        active.text_key = None
        assert active.prompting is not None
        try:
            self._tokenize(active, active.prompting.send(event.ids))
        except StopIteration as ready:
            try:
                self._start(active, ready.value)
            except Failed as refused:
                self._fail(active, refused.failure)
        except Failed as refused:
            self._fail(active, refused.failure)

    def _note_admission(self, event: Admitted) -> None:
        choice = self._sequences.get(event.sequence)
        if choice is not None and choice.request.admitted_at is None:
            choice.request.admitted_at = self._clock()
            choice.request.cached_tokens = event.cached_tokens

    def _break(self, event: Broken) -> None:
        choice = self._sequences.get(event.key)
        active = self._tokenizing.get(event.key) if choice is None else choice.request
        if active is not None:
            self._withdraw(active)
            self._fail(active, event.failure)

    def _withdraw(self, active: ActiveRequest) -> None:
        """Take back from the runner all that is not finished."""
        if active.text_key is not None:
            del self._tokenizing[active.text_key]
            self._tokens.cancel(active.text_key)
            active.text_key = None
        for choice in active.choices:
            if choice.is_open and choice.sequence is not None:
                self._tokens.cancel(choice.sequence)

    def _fail(self, active: ActiveRequest, failure: Failure) -> None:
        for choice in active.choices:
            if choice.is_open and choice.sequence is not None:
                del self._sequences[choice.sequence]
            choice.is_open = False
        self._requests.pop(active.id, None)
        self._news.append((active.id, failure))


def _completed(hello: Hello, *, chat: bool) -> Hello:
    capabilities = msgspec.structs.replace(hello.capabilities, chat=chat)
    return msgspec.structs.replace(hello, capabilities=capabilities)
