"""An engine without a model: words drawn from a fixed list, instantly and without memory.

For tests and for developing clients offline. It runs on the same text machinery as the real
engines and honours the fields it says it does: an answer that must match a schema is the smallest
that does, and a call that must be made is made with the fewest arguments. Every view of it names it
`fake`. What it writes depends on the request alone, so answers repeat. An adapter changes which
words are drawn, and a free text begins with its id in brackets.
"""

from __future__ import annotations

import asyncio
import math
import random
import sys
from collections import deque
from collections.abc import Sequence
from zlib import crc32

from hearth.engines.fake_adapters import FakeAdapters
from hearth.engines.fake_grammar import Grammars, Walk
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.llm.text_engine import TextEngine
from hearth.engines.llm.types import (
    Admitted,
    EndReason,
    Produced,
    Scored,
    SequenceRequest,
    TokenEvent,
    Tokenized,
)
from hearth.engines.protocol import (
    Capabilities,
    Hello,
    Sampling,
    Stats,
    TokenLogprob,
    TopLogprob,
    WorkerSpec,
)
from hearth.errors import SetupError

_TEXT = (
    "a fire on the hearth keeps warm those who sit near it and talk about what they saw today "
    "while snow falls outside — Wärme 火 🔥 ."
)
WORDS = _TEXT.split()
PIECES = tuple(bytes([byte]) for byte in range(256)) + tuple(f" {w}".encode() for w in WORDS)
"Token ids: every byte, so that any prompt can be written; then the words; the last ends a text."
FIRST_WORD, END = 256, len(PIECES)
NUM_TOKENS = END + 1

TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"
MEAN_WORDS = 24  # a text ends after about so many, unless it may not

Weights = dict[int, float]
"How likely each token is against the others; empty where nobody asked."

OPTIONS = {"step_s": 0.0}
"step_s: the time a step takes; 0 is as fast as it goes."


class _Running:
    """A sequence in a slot."""

    __slots__ = ("counts", "mark", "num_left", "num_tokens", "prompt", "random", "request", "walk")

    def __init__(self, request: SequenceRequest, walk: Walk | None, mark: int | None) -> None:
        self.request = request
        self.walk = walk
        self.mark = mark
        self.num_left = request.max_tokens
        self.counts: dict[int, int] = {}
        self.num_tokens = 0
        prompt = b"".join(token.to_bytes(4) for token in request.prompt)
        self.prompt = crc32(prompt + request.adapter.encode())
        self.random = random.Random(f"{self.prompt} {request.seed}")  # noqa: S311


class FakeTokens:
    """A `TokenEngine` that draws words."""

    vocabulary_size = NUM_TOKENS

    def __init__(self, spec: WorkerSpec) -> None:
        if unknown := spec.options.keys() - OPTIONS.keys():
            raise SetupError(f"The fake engine has no option {', '.join(sorted(unknown))}.")
        self._spec = spec
        self._step_s = float(spec.options.get("step_s", 0.0))
        self._answers: list[TokenEvent] = []
        self._waiting: deque[_Running] = deque()
        self._running: dict[int, _Running] = {}
        self._wake = asyncio.Event()
        self._grammars = Grammars(PIECES)
        self.adapters = FakeAdapters([*PIECES, b""], spec.adapters)

    def hello(self) -> Hello:
        """See `TokenEngine.hello`."""
        honoured = {"temperature", "top_k", "frequency_penalty", "presence_penalty", "logit_bias"}
        return Hello(
            replica_id=self._spec.replica_id,
            engine="fake",
            engine_version="1",
            model=self._spec.model,
            fingerprint="fake-1",
            context_tokens=self._spec.context_tokens,
            max_batch=self._spec.slots,
            capabilities=Capabilities(
                sampling=frozenset(honoured), token_prompts=True, ignore_eos=True, seed=True,
                stop_token_ids=True, cached_tokens=True, logprobs=5, echo=True, token_ids=True,
                priority=True,
                constraints=frozenset({"json_object", "json_schema", "regex"}),
                adapters="live", mixes_adapters=True,
            ),
            adapters=self.adapters.loaded,
        )  # fmt: skip

    def check(self, sampling: Sampling) -> None:
        """See `TokenEngine.check`; what is honoured is honoured in every combination."""

    def tokenize(self, key: int, text: str, *, special: bool = True, start: bool = True) -> None:
        """See `TokenEngine.tokenize`; a token a byte, none of them special."""
        self._answers.append(Tokenized(key, list(text.encode(errors="replace"))))
        self._wake.set()

    def add(self, request: SequenceRequest) -> None:
        """See `TokenEngine.add`."""
        walk = None if request.grammar is None else self._grammars.walk(request.grammar)
        self._waiting.append(_Running(request, walk, self.adapters.mark(request.adapter)))
        self._wake.set()

    def cancel(self, key: int) -> None:
        """See `TokenEngine.cancel`."""
        self._running.pop(key, None)
        self._waiting = deque(each for each in self._waiting if each.request.sequence != key)

    def wake(self) -> None:
        """See `TokenEngine.wake`."""
        self._wake.set()

    async def step(self) -> Sequence[TokenEvent]:
        """See `TokenEngine.step`."""
        if not (self._answers or self._running or self._waiting):
            await self._wake.wait()
        self._wake.clear()
        await asyncio.sleep(self._step_s)
        events, self._answers = self._answers, []
        while self._waiting and len(self._running) < self._spec.slots:
            started = max(self._waiting, key=lambda each: each.request.priority)
            self._waiting.remove(started)
            self._running[started.request.sequence] = started
            events.append(Admitted(started.request.sequence, 0))
            if started.request.prompt_logprobs is not None:
                events.append(self._scored(started.request, started.request.prompt_logprobs))
        for running in list(self._running.values()):
            events.append(self._advance(running))
        return events

    def _scored(self, asked: SequenceRequest, num_top: int) -> Scored:
        """Score a prompt as if every token were as likely as any other."""
        even, pieces = _log(1 / NUM_TOKENS), self.adapters.pieces
        top = [TopLogprob(t, pieces[t], even) for t in range(FIRST_WORD, FIRST_WORD + num_top)]
        first, *rest = asked.prompt
        logprobs = [TokenLogprob(t, pieces[t], even, top) for t in rest]
        return Scored(asked.sequence, [TokenLogprob(first, pieces[first], None, []), *logprobs])

    def _advance(self, running: _Running) -> Produced:
        if running.num_left == 0:  # it was only scored
            del self._running[running.request.sequence]
            return Produced(running.request.sequence, 0, (), "length")
        token, weights = _draw(running)
        running.num_left -= 1
        running.num_tokens += 1
        running.counts[token] = running.counts.get(token, 0) + 1
        end: EndReason | None = None
        is_last = token == END or token in running.request.stop_ids
        if is_last:
            end = "eos"
        elif running.num_left == 0:
            end = "length"
        if end is not None:
            del self._running[running.request.sequence]
        if is_last:
            return Produced(running.request.sequence, 1, (), end)
        asked = running.request
        return Produced(
            asked.sequence,
            1,
            (token,),
            end,
            [] if asked.logprobs is None else [self._logprob(token, weights, asked.logprobs)],
            [token] if asked.token_ids else [],
        )

    def _logprob(self, token: int, weights: Weights, num_top: int) -> TokenLogprob:
        """How likely a token was, and which were the likeliest; the end counts as one of them."""
        total = sum(weights.values())
        likely = sorted((t for t in weights if t != END), key=lambda t: -weights[t])[:num_top]
        pieces = self.adapters.pieces
        top = [TopLogprob(t, pieces[t], _log(weights[t] / total)) for t in likely]
        return TokenLogprob(token, pieces[token], _log(weights[token] / total), top)

    def stats(self) -> Stats:
        """See `TokenEngine.stats`."""
        return Stats(running=len(self._running), waiting=len(self._waiting))

    async def close(self) -> None:
        """See `TokenEngine.close`; there is nothing to free."""


def _draw(running: _Running) -> tuple[int, Weights]:
    """Draw the next token, and tell from which: by its grammar, or as if all logits were 0."""
    request, walk = running.request, running.walk
    if running.mark is not None and walk is None and running.num_tokens == 0:
        return running.mark, {running.mark: 1.0}
    if walk is not None:
        allowed = walk.allowed(may_end=not request.ignore_eos)
        token = walk.take(allowed, request.sampling.logit_bias or {})
        return token, dict.fromkeys(allowed, 1.0)
    logits = [
        _penalised(token, request.sampling, running.counts)
        for token in range(FIRST_WORD, NUM_TOKENS)
    ]
    if not request.sampling.temperature:
        token = _likeliest(running, logits)
        return token, _named(_weights(logits, 1.0), request)
    weights = _weights(logits, request.sampling.temperature)
    # A word is as likely as any other; the end comes once in MEAN_WORDS tokens, as a rule.
    may_end = running.num_tokens > 0 and not request.ignore_eos  # no answer is empty
    weights[-1] *= len(WORDS) / MEAN_WORDS if may_end else 0.0
    if top_k := request.sampling.top_k:
        floor = sorted(weights, reverse=True)[min(top_k, len(weights)) - 1]
        weights = [weight if weight >= floor else 0.0 for weight in weights]
    (token,) = running.random.choices(range(FIRST_WORD, NUM_TOKENS), weights)
    return token, _named(weights, request)


def _likeliest(running: _Running, logits: list[float]) -> int:
    """The likeliest token, words alike in turn; the end when the text is as long as its prompt
    says.
    """
    position = running.num_tokens + running.prompt
    is_long = running.num_tokens > MEAN_WORDS // 2 + running.prompt % MEAN_WORDS
    logits[-1] += math.inf if is_long and not running.request.ignore_eos else -math.inf
    return FIRST_WORD + max(
        range(len(logits)), key=lambda i: (logits[i], (i * 7 + position * 5) % 31)
    )


def _weights(logits: list[float], temperature: float) -> list[float]:
    return [math.exp(min(logit / temperature, 50.0)) for logit in logits]


def _named(weights: list[float], request: SequenceRequest) -> Weights:
    return {} if request.logprobs is None else dict(enumerate(weights, start=FIRST_WORD))


def _log(share: float) -> float:
    return math.log(max(share, sys.float_info.min))


def _penalised(token: int, sampling: Sampling, counts: dict[int, int]) -> float:
    num = counts.get(token, 0)
    logit = -sampling.frequency_penalty * num - sampling.presence_penalty * (num > 0)
    if sampling.logit_bias:
        logit += sampling.logit_bias.get(token, 0.0)
    return logit


def build(spec: WorkerSpec) -> TextEngine:
    """Make the engine; see `worker.BUILDERS`.

    Raises:
        SetupError: an option that the engine does not have.
    """
    template = ChatTemplate(TEMPLATE, {})
    tokens = FakeTokens(spec)
    return TextEngine(tokens, template=template, pieces=tokens.adapters.pieces)
