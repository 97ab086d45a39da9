"""The token-level seam between the text machinery and a model runner.

A runner turns token ids into token ids (or pieces of text); it knows nothing of chats, stop
strings or choices. `TextEngine` builds the whole `Engine` on top of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from hearth.engines.protocol import Failure, Hello, Sampling, Stats, TokenLogprob

EndReason = Literal["eos", "length", "cancelled"]


class SequenceRequest(Struct, frozen=True, kw_only=True):
    """One sequence to generate; everything in it has been checked against the capabilities."""

    sequence: int
    "Chosen by the caller, unique while the sequence runs."
    prompt: Sequence[int]
    max_tokens: int
    "At least 1, or 0 where the prompt is only scored; prompt and completion fit the window."
    sampling: Sampling
    seed: int
    ignore_eos: bool
    grammar: str | None = None
    "What the text must match, as `constraints.compile_constraint` made it."
    logprobs: int | None = None
    "As `GenerateRequest.logprobs`."
    prompt_logprobs: int | None = None
    "So many likeliest ones to tell for every token of the prompt; None: it is not scored."
    stop_ids: frozenset[int] = frozenset()
    "Tokens that end it as the model's own end does; `ignore_eos` leaves them in force."
    token_ids: bool = False
    "Tell the ids of the tokens with every step."
    shown_tokens: tuple[str, ...] = ()
    "Special tokens whose text is told as any other's; that of the rest is left out."
    adapter: str = ""
    "Full name of one that is loaded; empty: none."
    cache_group: str = ""
    "Cached prefixes are shared within a group, and within it only by sequences of one adapter."
    use_cache: bool = True
    prediction: str | None = None
    "A hint, passed over where the runner has no use for it."
    priority: int = 0
    "Who waits is admitted by this first, the highest before others."
    deadline_s: float | None = None
    "Until when, on the monotonic clock, it is of use: among equals the nearest goes first."


class Tokenized(Struct, frozen=True):
    """The answer to `TokenEngine.tokenize`."""

    key: int
    ids: list[int]


class Admitted(Struct, frozen=True):
    """A sequence left the queue and its prompt is being worked on."""

    sequence: int
    cached_tokens: int
    "How much of the prompt came from the engine's cache."


class Scored(Struct, frozen=True):
    """How likely the tokens of a prompt are; comes once, before the first `Produced`.

    Where no token was asked for, a `Produced` of none follows that ends with `length`.
    """

    sequence: int
    logprobs: list[TokenLogprob]
    "One for each token of the prompt; the first one's is None, for nothing comes before it."


class Produced(Struct, frozen=True):
    """What one step added to a sequence: its tokens as ids or, where a runner has none, as text."""

    sequence: int
    num_tokens: int
    output: Sequence[int] | str
    "Token ids, which the caller turns to text, or text that is already cut at characters."
    end: EndReason | None = None
    logprobs: list[TokenLogprob] = []
    "Where they were asked for: one for each token, the one that ends the sequence left out."
    token_ids: list[int] = []
    "Where they were asked for; the text of a token may still be held back."


class Broken(Struct, frozen=True):
    """A sequence, or the text to tokenise under this key, ended in an error."""

    key: int
    failure: Failure


TokenEvent = Tokenized | Admitted | Scored | Produced | Broken


class TokenEngine(Protocol):
    """A loaded model that continues sequences of token ids.

    Answers to all methods come from `step`. Keys and sequence numbers share one number space.
    """

    @property
    def vocabulary_size(self) -> int:
        """Token ids are below this."""
        ...

    def hello(self) -> Hello:
        """See `Engine.hello`; the caller completes the capabilities that are about text."""
        ...

    def check(self, sampling: Sampling) -> None:
        """Refuse combinations of fields that this engine would ignore.

        Raises:
            Failed: with the field at fault.
        """
        ...

    def tokenize(self, key: int, text: str, *, special: bool = True, start: bool = True) -> None:
        """Ask for the ids of a text; `Tokenized` or `Broken` comes.

        Args:
            special: what looks like a special token is one.
            start: the text begins a prompt, so the runner adds the model's leading token where
                the text does not start with it.
        """
        ...

    def add(self, request: SequenceRequest) -> None:
        """Queue a sequence; it is admitted in order, as slots come free."""
        ...

    def cancel(self, key: int) -> None:
        """Forget a sequence or text; no further event names it. Unknown keys are left alone."""
        ...

    async def step(self) -> Sequence[TokenEvent]:
        """Wait for news and return all of it; empty only after `wake`."""
        ...

    def wake(self) -> None:
        """Make a `step` that waits, or the next one, return even without news."""
        ...

    def stats(self) -> Stats:
        """See `Engine.stats`."""
        ...

    async def close(self) -> None:
        """Free the model; nothing may be running."""
        ...
