"""A request while a text engine works on it: its choices, its counts and its times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from hearth.engines.llm.detokenizer import Detokenizer
from hearth.engines.llm.echo import Echo
from hearth.engines.llm.plan import Plan
from hearth.engines.llm.rich_text import RichText
from hearth.engines.llm.stops import StopMatcher
from hearth.engines.llm.truncate import Prompt
from hearth.engines.llm.types import SequenceRequest
from hearth.engines.protocol import (
    Delta,
    FinishReason,
    GenerateRequest,
    More,
    PromptInfo,
    Usage,
)


class ChoiceText:
    """The text of one choice: ids to text where needed, then stop strings."""

    def __init__(self, stops: Sequence[str], pieces: Sequence[bytes] | None) -> None:
        self._detokenizer = None if pieces is None else Detokenizer(pieces)
        self._stops = StopMatcher(stops) if stops else None

    @property
    def stop_met(self) -> str:
        """The stop string that ended the text; empty if none did."""
        return "" if self._stops is None else self._stops.met

    def push(self, output: Sequence[int] | str) -> tuple[str, bool]:
        """Return what may be shown of this output, and whether a stop string ended the text."""
        text = output if isinstance(output, str) else self._decoded(output)
        return (text, False) if self._stops is None else self._stops.push(text)

    def end(self) -> tuple[str, bool]:
        """Return what was held back; the stop string may be met only now."""
        text = "" if self._detokenizer is None else self._detokenizer.flush()
        if self._stops is None:
            return text, False
        text, stopped = self._stops.push(text)
        return (text, True) if stopped else (text + self._stops.flush(), False)

    def _decoded(self, ids: Sequence[int]) -> str:
        assert self._detokenizer is not None, "the runner gives ids but no vocabulary"
        return self._detokenizer.push(ids)


@dataclass(slots=True, eq=False)
class Choice:
    """One of the `n` texts of a request."""

    request: ActiveRequest
    index: int
    text: ChoiceText
    rich: RichText | None = None
    "In the place of `text` for requests that ask for more; made when the prompt is known."
    echo: Echo | None = None
    "What of the prompt is still to be told before the text."
    sequence: int | None = None
    unsent_tokens: int = 0
    "Produced since the last delta, because their text is held back."
    is_open: bool = True

    def told(
        self, text: str, finish: FinishReason | None, more: More | None, clock: Callable[[], float]
    ) -> Delta:
        """Return the next delta; one with a finish closes the choice, the last one the request."""
        active, usage = self.request, None
        prompt = active.announced()
        if self.echo is not None and finish != "cancelled":
            text, more = self.echo.before(text, more)
            self.echo = None
        if finish is not None:
            more = self.with_stop(more)
            self.is_open = False
            active.num_open -= 1
            if active.num_open == 0:
                usage = active.usage(clock())
        num_tokens, self.unsent_tokens = self.unsent_tokens, 0
        return Delta(active.id, self.index, text, num_tokens, finish, prompt, usage, more)

    def with_stop(self, more: More | None) -> More | None:
        """Add to the last details which stop string ended the text, if one did."""
        stop = (self.text if self.rich is None else self.rich).stop_met
        if not stop:
            return more
        return More(stop=stop) if more is None else replace(more, stop=stop)


@dataclass(slots=True, eq=False)
class ActiveRequest:
    """What is known of a request; times are of the engine's monotonic clock, seconds."""

    id: int
    asked: GenerateRequest
    plan: Plan
    added_at: float
    adapter_digest: str = ""
    choices: list[Choice] = field(default_factory=list)
    text_keys: set[int] = field(default_factory=set)
    "Under which its texts are being tokenised."
    first: SequenceRequest | None = None
    "The sequence of the whole request; each choice's are made from it."
    prompt: Prompt | None = None
    echo: Echo | None = None
    "What each choice tells of it."
    num_open: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    admitted_at: float | None = None
    first_token_at: float | None = None
    was_announced: bool = False

    def open_sequences(self) -> list[int]:
        """The sequences that are not over."""
        return [
            choice.sequence
            for choice in self.choices
            if choice.is_open and choice.sequence is not None
        ]

    def close(self) -> None:
        """Nothing more will come of it."""
        for choice in self.choices:
            choice.is_open = False

    def note_admission(self, now: float, cached_tokens: int) -> None:
        """Take down when work on the prompt began; only the first of its sequences counts."""
        if self.admitted_at is None:
            self.admitted_at = now
            self.cached_tokens = cached_tokens

    def announced(self) -> PromptInfo | None:
        """Return what the first delta says of the prompt; None for all others."""
        if self.was_announced:
            return None
        self.was_announced = True
        return self.prompt_info()

    def prompt_info(self) -> PromptInfo:
        """Return what is known of the prompt."""
        if self.prompt is None:
            return PromptInfo(self.prompt_tokens, self.cached_tokens)
        asked, thinking = self.asked, self.plan.thinking
        tells_ids = asked.return_prompt or asked.return_token_ids
        return PromptInfo(
            self.prompt_tokens,
            self.cached_tokens,
            "emulated" if thinking is not None and thinking.is_emulated else "",
            self.prompt.text if asked.return_prompt else None,
            self.prompt.ids if tells_ids else None,
            0 if self.echo is None else len(self.echo.text),
            0 if self.echo is None or asked.logprobs is None else self.echo.num_tokens,
        )

    def usage(self, now: float) -> Usage:
        """Return the final account; a phase that was not reached took no time."""
        admitted = now if self.admitted_at is None else self.admitted_at
        first = now if self.first_token_at is None else self.first_token_at
        return Usage(
            prompt_tokens=self.prompt_tokens,
            cached_tokens=self.cached_tokens,
            completion_tokens=self.completion_tokens,
            queue_s=admitted - self.added_at,
            prefill_s=first - admitted,
            decode_s=now - first,
            reasoning_tokens=sum(
                choice.rich.reasoning_tokens for choice in self.choices if choice.rich is not None
            ),
            adapter_digest=self.adapter_digest,
        )


def opened(
    number: int,
    request: GenerateRequest,
    plan: Plan,
    *,
    pieces: Sequence[bytes] | None,
    now: float,
) -> ActiveRequest:
    """Return a request with its choices, none of them started."""
    active = ActiveRequest(number, request, plan, added_at=now, num_open=request.n)
    active.choices = [
        Choice(active, index, ChoiceText(request.stop, pieces)) for index in range(request.n)
    ]
    return active
