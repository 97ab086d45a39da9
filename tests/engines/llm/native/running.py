"""Runs sequences on a runner over a tiny model, the way `TextEngine` does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hearth.engines.engine import Failed
from hearth.engines.llm.native.backend import AdapterWeights, Backend, Weights
from hearth.engines.llm.native.entry import Vocabulary
from hearth.engines.llm.native.openvino_backend.backend import OpenVinoBackend
from hearth.engines.llm.native.runner import NativeRunner
from hearth.engines.llm.native_options import NativeOptions
from hearth.engines.llm.sampling import API_DEFAULTS
from hearth.engines.llm.types import (
    Admitted,
    Broken,
    Produced,
    Scored,
    SequenceRequest,
    TokenEvent,
)
from hearth.engines.protocol import (
    Adapter,
    Capabilities,
    Failure,
    Hello,
    Sampling,
    TokenLogprob,
)

GREEDY = Sampling(temperature=0.0, top_p=1.0, top_k=0, min_p=0.0, typical_p=1.0)
EOS = 0
TAG = 7
"A control token, written `<tag>`."
LIMIT_S = 60.0


class Letters:
    """A tokeniser in which every byte is its own token."""

    def encode(self, text: str, *, special: bool, start: bool) -> list[int]:
        """See `TextTokenizer`."""
        return list(text.encode())


@dataclass
class Outcome:
    """All that came for one sequence."""

    ids: list[int] = field(default_factory=list)
    text: str = ""
    "In the place of ids, where special tokens are shown."
    num_tokens: int = 0
    end: str | None = None
    cached_tokens: int | None = None
    logprobs: list[TokenLogprob] = field(default_factory=list)
    scores: list[TokenLogprob] = field(default_factory=list)
    failure: Failure | None = None

    @property
    def is_over(self) -> bool:
        """Whether the last of it has come."""
        return self.end is not None or self.failure is not None


class Run:
    """A runner, and what it tells."""

    def __init__(self, runner: NativeRunner) -> None:
        self.runner = runner
        self.outcomes: dict[int, Outcome] = {}

    def add(self, request: SequenceRequest) -> None:
        """Give it a sequence."""
        self.outcomes[request.sequence] = Outcome()
        self.runner.add(request)

    async def step(self) -> None:
        """Take one step."""
        async with asyncio.timeout(LIMIT_S):
            for event in await self.runner.step():
                self._take(event)

    async def until_over(self, *sequences: int) -> None:
        """Step until these are over."""
        while not all(self.outcomes[each].is_over for each in sequences):
            await self.step()

    def _take(self, event: TokenEvent) -> None:
        if isinstance(event, Produced):
            outcome = self.outcomes[event.sequence]
            if isinstance(event.output, str):
                outcome.text += event.output
            else:
                outcome.ids += event.output
            outcome.num_tokens += event.num_tokens
            outcome.logprobs += event.logprobs
            outcome.end = event.end
        elif isinstance(event, Admitted):
            self.outcomes[event.sequence].cached_tokens = event.cached_tokens
        elif isinstance(event, Scored):
            self.outcomes[event.sequence].scores = event.logprobs
        elif isinstance(event, Broken):
            self.outcomes[event.key].failure = event.failure


def prompt(length: int, seed: int = 0) -> list[int]:
    """Random tokens of the tiny model."""
    ids: list[int] = np.random.default_rng(seed).integers(1, 250, length).tolist()
    return ids


def sequence(number: int, prompt: Sequence[int], **fields: object) -> SequenceRequest:
    """A greedy sequence of eight tokens, unless the fields say otherwise."""
    defaults: dict[str, object] = {
        "sequence": number,
        "prompt": prompt,
        "max_tokens": 8,
        "sampling": GREEDY,
        "seed": number,
        "ignore_eos": True,
    }
    return SequenceRequest(**(defaults | fields))  # type: ignore[arg-type]


SAMPLED = API_DEFAULTS


def runner_of(
    weights: Weights,
    *,
    adapters: Mapping[str, AdapterWeights] | None = None,
    backend: Callable[[int], Backend] | None = None,
    num_blocks: int = 64,
    slots: int = 8,
    **options: object,
) -> NativeRunner:
    """A runner over the exact CPU backend; adapters are known by their digests."""
    about = weights.architecture
    made = (
        OpenVinoBackend(weights, "f32", num_blocks=num_blocks, threads=1)
        if backend is None
        else backend(num_blocks)
    )
    size = about.vocabulary_size
    pieces = [b"" if token == TAG else bytes([token % 256]) for token in range(size)]
    hello = Hello(
        replica_id="replica",
        engine="native",
        engine_version="0",
        model="accounts/test/models/test",
        fingerprint="fp",
        context_tokens=512,
        max_batch=slots,
        capabilities=Capabilities(),
    )

    def read(path: Path, digest: str) -> AdapterWeights:
        if digest not in (adapters or {}):
            raise Failed(Failure(kind="invalid", message=f"There is no adapter {digest}."))
        return (adapters or {})[digest]

    return NativeRunner(
        made,
        hello,
        Vocabulary(
            tokenizer=Letters(),  # type: ignore[arg-type]
            size=size,
            end_ids=frozenset({EOS}),
            pieces=pieces,
            ids_by_name={"<tag>": TAG},
        ),
        NativeOptions(**({"chunk_tokens": 64} | options)),  # type: ignore[arg-type]
        read_adapter=read,
    )


def adapter(digest: str, name: str | None = None) -> Adapter:
    """One that `runner_of` knows."""
    return Adapter(name=name or f"accounts/test/models/{digest}", digest=digest, path="/nowhere")
