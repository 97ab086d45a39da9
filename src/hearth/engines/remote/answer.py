"""One answer while its chunks come in: chunks become deltas, and the account is kept."""

from __future__ import annotations

from collections.abc import Callable

from hearth.engines.protocol import (
    Delta,
    FinishReason,
    GenerateRequest,
    More,
    PromptInfo,
    Usage,
)
from hearth.engines.remote.events import Chunk, ChunkChoice, UpstreamUsage, broken
from hearth.engines.remote.news import more_of

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


class Answer:
    """The answer to one request.

    The finish of its last choice is held back until the server has said what was used.

    Args:
        request_id: as the worker knows it.
        by_choice: the server's running counts are those of the chunk's choice.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        request_id: int,
        request: GenerateRequest,
        *,
        by_choice: bool,
        clock: Callable[[], float],
    ) -> None:
        self._id = request_id
        self._request = request
        self._counts_running = by_choice or request.n == 1
        self._clock = clock
        self._started_at = clock()
        self._first_at: float | None = None
        self._open = set(range(request.n))
        self._last: tuple[int, FinishReason] | None = None
        self._counts = [0] * request.n
        self._texts: list[list[str]] = [[] for _ in range(request.n)]
        self._sent_tokens = 0
        self._usage: UpstreamUsage | None = None
        self._prompt_ids: list[int] | None = None
        self._with_calls: set[int] = set()
        self._has_told_prompt = False

    @property
    def has_begun(self) -> bool:
        """Whether anything was produced."""
        return self._first_at is not None

    def take(self, chunk: Chunk) -> list[Delta]:
        """Take a chunk; return what it adds.

        Raises:
            Failed: the server broke its own protocol, or ended a choice for a reason of its own.
        """
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.prompt_token_ids:
            self._prompt_ids = chunk.prompt_token_ids
        return [
            delta
            for choice in chunk.choices
            if (delta := self._take_choice(choice, chunk.usage)) is not None
        ]

    def end(self) -> Delta:
        """The last delta, with what was used; the stream has ended.

        Raises:
            Failed: it ended too early, or the server did not say what was used.
        """
        if self._open or self._last is None:
            raise broken("The upstream's stream ended before its answer did.")
        if self._usage is None:
            raise broken(
                "The upstream did not say how many tokens it used; such an answer cannot be "
                "metered. Attach a server that honours stream_options.include_usage."
            )
        index, finish = self._last
        used = self._account(self._usage.prompt_tokens, self._usage.completion)
        return self._delta(index, "", used.completion_tokens - self._sent_tokens, finish, used)

    def cancelled(self) -> list[Delta]:
        """The deltas that end every open choice now; the last has what is known of the usage."""
        used = self._account(self._prompt_tokens(), self._completion_tokens())
        missing = used.completion_tokens - self._sent_tokens
        if not self._open and self._last is not None:
            index, finish = self._last
            return [self._delta(index, "", missing, finish, used)]
        *others, last = sorted(self._open)
        deltas = [self._delta(index, "", 0, "cancelled", None) for index in others]
        return [*deltas, self._delta(last, "", missing, "cancelled", used)]

    def _take_choice(self, choice: ChunkChoice, usage: UpstreamUsage | None) -> Delta | None:
        index, text, more = choice.index, choice.added, more_of(choice)
        finish = self._finish_reason(choice, more)
        if index not in self._open:
            if text or more or not 0 <= index < self._request.n:
                raise broken(f"The upstream sent text for choice {index}, which is not open.")
            return None
        num_tokens = self._count(index, usage)
        self._note(choice, text, more)
        if (text or more or num_tokens) and self._first_at is None:
            self._first_at = self._clock()
        if finish is not None:
            self._open.discard(index)
            if not self._open:
                self._last, finish = (index, finish), None
        if not (text or more or num_tokens) and finish is None:
            return None
        delta = self._delta(index, text, num_tokens, finish, None)
        delta.more = more
        return delta

    def _note(self, choice: ChunkChoice, text: str, more: More | None) -> None:
        """Keep what the words of a cancelled answer are counted by."""
        if choice.prompt_token_ids:
            self._prompt_ids = choice.prompt_token_ids
        texts = self._texts[choice.index]
        if text:
            texts.append(text)
        if more is not None:
            texts += [more.reasoning, *(call.arguments for call in more.tool_calls)]

    def _finish_reason(self, choice: ChunkChoice, more: More | None) -> FinishReason | None:
        """Why the choice ended; OpenAI says `stop` where a call was forced."""
        if more is not None and more.tool_calls:
            self._with_calls.add(choice.index)
        finish = _finish_reason(choice.finish_reason)
        return "tool_calls" if finish == "stop" and choice.index in self._with_calls else finish

    def _count(self, index: int, usage: UpstreamUsage | None) -> int:
        """How many tokens the chunk adds to a choice; 0 where the server does not say."""
        if usage is None or not self._counts_running:
            return 0
        added = max(0, usage.completion - self._counts[index])
        self._counts[index] += added
        return added

    def _delta(
        self,
        index: int,
        text: str,
        num_tokens: int,
        finish: FinishReason | None,
        usage: Usage | None,
    ) -> Delta:
        num_tokens = max(0, num_tokens)
        self._sent_tokens += num_tokens
        return Delta(self._id, index, text, num_tokens, finish, self._prompt_news(), usage)

    def _prompt_news(self) -> PromptInfo | None:
        if self._has_told_prompt or self._usage is None:
            return None
        self._has_told_prompt = True
        return PromptInfo(self._usage.prompt_tokens, self._usage.cached, token_ids=self._prompt_ids)

    def _account(self, prompt_tokens: int, completion_tokens: int) -> Usage:
        """The usage; how long the server queued is not known here, it counts as prefill."""
        now = self._clock()
        first_at = now if self._first_at is None else self._first_at
        return Usage(
            prompt_tokens=prompt_tokens,
            cached_tokens=self._usage.cached if self._usage else 0,
            completion_tokens=completion_tokens,
            queue_s=0.0,
            prefill_s=first_at - self._started_at,
            decode_s=now - first_at,
            reasoning_tokens=self._usage.reasoning if self._usage else 0,
        )

    def _prompt_tokens(self) -> int:
        """What the server said, else at least one token a word."""
        if self._usage is not None:
            return self._usage.prompt_tokens
        if isinstance(self._request.prompt, list):
            return len(self._request.prompt)
        texts = [message.content for message in self._request.messages or ()]
        return sum(_words(text) for text in (*texts, self._request.prompt or ""))

    def _completion_tokens(self) -> int:
        if not self._open and self._usage is not None:
            return self._usage.completion
        words = [_words("".join(pieces)) for pieces in self._texts]
        return sum(map(max, self._counts, words))


def _finish_reason(said: str | None) -> FinishReason | None:
    if not said:
        return None
    finish = _FINISH.get(said)
    if finish is None:
        raise broken(f"The upstream ended the answer with the reason {said[:100]!r}.")
    return finish


def _words(text: str) -> int:
    return len(text.split())
