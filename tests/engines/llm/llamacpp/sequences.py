"""Runs sequences on the runner inside a loaded engine, without the text machinery above it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from hearth.engines.llm.llamacpp.loading import build_runner
from hearth.engines.llm.types import (
    Admitted,
    Broken,
    Produced,
    SequenceRequest,
    TokenEngine,
    TokenEvent,
    Tokenized,
)
from hearth.engines.protocol import Sampling, TokenLogprob
from tests.engines.conftest import llama_spec
from tests.engines.driving import LIMIT_S

GREEDY = Sampling(temperature=0.0)
_keys = count(1)


@contextlib.asynccontextmanager
async def running(path: Path, **changes: object) -> AsyncIterator[TokenEngine]:
    """A runner with one thread and two slots, closed at the end."""
    runner = await asyncio.to_thread(build_runner, llama_spec(path, **changes))
    try:
        yield runner
    finally:
        await runner.close()


def asked(prompt: Sequence[int], **fields: Any) -> SequenceRequest:
    """A short greedy sequence."""
    defaults: dict[str, Any] = {
        "sequence": next(_keys),
        "prompt": prompt,
        "max_tokens": 8,
        "sampling": GREEDY,
        "seed": 1,
        "ignore_eos": False,
    }
    return SequenceRequest(**(defaults | fields))


async def ids_of(runner: TokenEngine, text: str) -> list[int]:
    """Tokenise a text."""
    runner.tokenize(next(_keys), text)
    async with asyncio.timeout(LIMIT_S):
        (event,) = await runner.step()
    assert isinstance(event, Tokenized)
    return event.ids


async def events_of(runner: TokenEngine, *requests: SequenceRequest) -> dict[int, list[TokenEvent]]:
    """Run sequences together to their ends."""
    events: dict[int, list[TokenEvent]] = {request.sequence: [] for request in requests}
    for request in requests:
        runner.add(request)
    open_sequences = set(events)
    async with asyncio.timeout(LIMIT_S * 10):
        while open_sequences:
            for event in await runner.step():
                key = event.key if isinstance(event, Broken | Tokenized) else event.sequence
                events[key].append(event)
                if isinstance(event, Broken) or (isinstance(event, Produced) and event.end):
                    open_sequences.discard(key)
    return events


async def run(runner: TokenEngine, prompt: Sequence[int], **fields: Any) -> list[TokenEvent]:
    """Run one sequence alone."""
    request = asked(prompt, **fields)
    return (await events_of(runner, request))[request.sequence]


def produced(events: Sequence[TokenEvent]) -> list[Produced]:
    """Those of the events that carry text."""
    return [event for event in events if isinstance(event, Produced)]


def text_of(events: Sequence[TokenEvent]) -> str:
    """What they add up to."""
    return "".join(str(event.output) for event in produced(events))


def end_of(events: Sequence[TokenEvent]) -> str | None:
    """Why the sequence ended; a failure is its message."""
    last = events[-1]
    if isinstance(last, Broken):
        return last.failure.message
    assert isinstance(last, Produced)
    return last.end


def cached_of(events: Sequence[TokenEvent]) -> int:
    """How much of the prompt came from the cache."""
    return next(event.cached_tokens for event in events if isinstance(event, Admitted))


def logprobs_of(events: Sequence[TokenEvent]) -> list[TokenLogprob]:
    """All of them, in order."""
    return [each for event in produced(events) for each in event.logprobs]


def ids_in(events: Sequence[TokenEvent]) -> list[int]:
    """All token ids, in order."""
    return [each for event in produced(events) for each in event.token_ids]
