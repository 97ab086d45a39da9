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
from hearth.engines.llm.active import ActiveRequest, Choice, opened
from hearth.engines.llm.adapters import asked_digest, live
from hearth.engines.llm.echo import echo_of
from hearth.engines.llm.intake import completed, open_prompting, sequence_of
from hearth.engines.llm.phases import answer_sequence, thinking_sequence
from hearth.engines.llm.plan import manners_of, plan_of
from hearth.engines.llm.request_checks import check_request
from hearth.engines.llm.rich_text import FINISH, Read, RichText
from hearth.engines.llm.sampling import API_DEFAULTS, resolved
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.llm.truncate import Prompt
from hearth.engines.llm.types import (
    Admitted,
    Broken,
    Produced,
    Scored,
    SequenceRequest,
    TokenEngine,
    TokenEvent,
    Tokenized,
)
from hearth.engines.llm.writing import Writing, Writings
from hearth.engines.protocol import (
    Adapter,
    Delta,
    Failure,
    FinishReason,
    GenerateRequest,
    Hello,
    More,
    Sampling,
    Stats,
)


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
        self._manners = manners_of(template)
        self._hello = completed(tokens.hello(), template, self._manners)
        self._keys = count(1)
        self._requests: dict[int, ActiveRequest] = {}
        self._writings = Writings(tokens, self._keys)
        self._sequences: dict[int, Choice] = {}
        self._news: list[Delta | tuple[int, Failure]] = []

    def hello(self) -> Hello:
        """See `Engine.hello`."""
        return msgspec.structs.replace(self._hello, adapters=self._tokens.hello().adapters)

    def add(self, request_id: int, request: GenerateRequest) -> None:
        """See `Engine.add`; a prompt given as text is tokenised first, without waiting here."""
        check_request(
            request, self._hello.capabilities, vocabulary_size=self._tokens.vocabulary_size
        )
        self._tokens.check(request.sampling)
        digest = asked_digest(request.adapter, self._tokens.hello())
        plan = plan_of(request, self._manners)
        prompting = open_prompting(
            request, self._template, self._manners, plan, window=self._hello.context_tokens
        )
        active = opened(request_id, request, plan, pieces=self._pieces, now=self._clock())
        active.adapter_digest = digest
        self._requests[request_id] = active
        try:
            if prompting is None:
                assert isinstance(request.prompt, list)
                self._start(active, Prompt(request.prompt, None))
            else:
                self._write(Writing(active, prompting), None)
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
                read = None if choice.rich is None else choice.rich.end()
                text = choice.text.end()[0] if read is None else read.text
                self._tell(choice, text, "cancelled", read and read.more)
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
        return msgspec.structs.replace(stats, waiting=stats.waiting + len(self._writings))

    async def load_adapter(self, adapter: Adapter) -> None:
        """See `LiveAdapters`."""
        await live(self._tokens).load_adapter(adapter)

    async def unload_adapter(self, name: str) -> None:
        """See `LiveAdapters`."""
        await live(self._tokens).unload_adapter(name)

    async def close(self) -> None:
        """See `Engine.close`."""
        await self._tokens.close()

    def _write(self, writing: Writing, ids: list[int] | None) -> None:
        """Go on with a prompt; when it is made, start what it is for.

        Raises:
            Failed: the prompt is refused.
        """
        prompt = self._writings.advance(writing, ids)
        if prompt is None:
            return
        if writing.choice is None:
            self._start(writing.request, prompt)
        else:
            self._start_answer(writing.choice, prompt)

    def _start(self, active: ActiveRequest, prompt: Prompt) -> None:
        """Hand the choices to the runner, now that the prompt's ids are known.

        Raises:
            Failed: the prompt is empty or does not fit.
        """
        asked, plan = active.asked, active.plan
        sampling = resolved(asked.sampling, self._defaults)
        window = self._hello.context_tokens
        first = sequence_of(asked, plan, prompt, window=window, sampling=sampling)
        active.first, active.prompt = first, prompt
        active.prompt_tokens = len(prompt.ids)
        active.echo = echo_of(asked, prompt, self._pieces)
        for choice in active.choices:
            choice.echo = active.echo
            if first.max_tokens == 0 and first.prompt_logprobs is None:
                self._tell(choice, "", "length")
                continue
            if plan.is_rich and first.max_tokens:
                choice.rich = RichText(asked, plan, prompt, self._pieces)
            if first.max_tokens == 0:
                self._add(choice, first)
            elif choice.rich is not None and choice.rich.is_in_think_phase:
                self._add(choice, thinking_sequence(first, plan))
            else:
                self._add(choice, first)

    def _start_answer(self, choice: Choice, prompt: Prompt) -> None:
        """Hand the second sequence of a choice to the runner: what it thought is closed."""
        answer = answer_sequence(choice, prompt, window=self._hello.context_tokens)
        if answer is None:
            self._tell(choice, "", "length")
        else:
            self._add(choice, answer)

    def _add(self, choice: Choice, sequence: SequenceRequest) -> None:
        number = choice.sequence = next(self._keys)
        self._sequences[number] = choice
        seed = sequence.seed + choice.index
        self._tokens.add(msgspec.structs.replace(sequence, sequence=number, seed=seed))

    def _handle(self, event: TokenEvent) -> None:
        if type(event) is Produced:
            self._take(event)
        elif type(event) is Tokenized:
            self._continue_writing(event)
        elif type(event) is Admitted:
            if (choice := self._sequences.get(event.sequence)) is not None:
                choice.request.note_admission(self._clock(), event.cached_tokens)
        elif type(event) is Scored:
            choice = self._sequences.get(event.sequence)
            if choice is not None and choice.echo is not None:
                choice.echo = choice.echo.scored(event.logprobs)
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
        if choice.rich is not None:
            self._take_rich(choice, choice.rich.push(event), event)
            return
        text, stopped = choice.text.push(event.output)
        if event.end is not None and not stopped:
            rest, stopped = choice.text.end()
            text += rest
        elif stopped:
            self._tokens.cancel(event.sequence)
        if stopped:
            self._tell(choice, text, "stop")
        elif event.end is not None:
            self._tell(choice, text, FINISH[event.end])
        elif text or not active.was_announced:
            self._tell(choice, text, None)

    def _take_rich(self, choice: Choice, read: Read, event: Produced) -> None:
        if (read.finish is not None or read.is_thought) and event.end is None:
            self._tokens.cancel(event.sequence)
        is_news = bool(read.text) or read.finish is not None or read.more is not None
        if is_news or not choice.request.was_announced:
            self._tell(choice, read.text, read.finish, read.more)
        if read.is_thought:
            assert choice.rich is not None
            del self._sequences[event.sequence]
            choice.sequence = None
            self._write(Writing(choice.request, choice.rich.continued(), choice), None)

    def _tell(
        self,
        choice: Choice,
        text: str,
        finish: FinishReason | None,
        more: More | None = None,
    ) -> None:
        delta = choice.told(text, finish, more, self._clock)
        if finish is not None and choice.sequence is not None:
            del self._sequences[choice.sequence]
        if delta.usage is not None:
            self._requests.pop(delta.request, None)
        self._news.append(delta)

    def _continue_writing(self, event: Tokenized) -> None:
        writing = self._writings.taken(event.key)
        if writing is not None:
            try:
                self._write(writing, event.ids)
            except Failed as refused:
                self._fail(writing.request, refused.failure)

    def _break(self, event: Broken) -> None:
        owner = self._sequences.get(event.key) or self._writings.taken(event.key)
        if owner is not None:
            self._withdraw(owner.request)
            self._fail(owner.request, event.failure)

    def _withdraw(self, active: ActiveRequest) -> None:
        """Take back from the runner all that is not finished."""
        self._writings.withdraw(active)
        for sequence in active.open_sequences():
            self._tokens.cancel(sequence)

    def _fail(self, active: ActiveRequest, failure: Failure) -> None:
        for sequence in active.open_sequences():
            del self._sequences[sequence]
        active.close()
        self._requests.pop(active.id, None)
        self._news.append((active.id, failure))
