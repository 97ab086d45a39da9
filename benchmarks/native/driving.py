"""Runs requests on an engine in this process, the way a worker does: one loop of steps for all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from msgspec import Struct, field

from hearth.engines.engine import Engine
from hearth.engines.protocol import Delta, GenerateRequest, Sampling, TokenLogprob, Usage

GREEDY = Sampling(temperature=0.0)
STEP_LIMIT_S = 300.0


class Answer(Struct):
    """All that came for one request; times are seconds since the requests were given."""

    deltas: list[Delta] = field(default_factory=list)
    first_s: float = 0.0
    ended_s: float = 0.0

    @property
    def usage(self) -> Usage | None:
        """Of the last delta, once it is here."""
        return self.deltas[-1].usage if self.deltas else None

    @property
    def token_ids(self) -> list[int]:
        """The answer's, where `return_token_ids` asked for them."""
        return [token for delta in self.deltas if delta.more for token in delta.more.token_ids]

    @property
    def logprobs(self) -> list[TokenLogprob]:
        """The prompt's where it was echoed, then the answer's."""
        return [each for delta in self.deltas if delta.more for each in delta.more.logprobs]

    @property
    def prompt_ids(self) -> list[int]:
        """The prompt's, where `return_prompt` asked for them."""
        told = self.deltas[0].prompt
        return [] if told is None or told.token_ids is None else told.token_ids


async def run(engine: Engine, requests: Mapping[int, GenerateRequest]) -> dict[int, Answer]:
    """Run requests together, to their ends.

    Raises:
        RuntimeError: one of them failed.
        Failed: one of them was refused.
    """
    answers = {number: Answer() for number in requests}
    started_s = time.perf_counter()
    for number, request in requests.items():
        engine.add(number, request)
    while any(answer.usage is None for answer in answers.values()):
        async with asyncio.timeout(STEP_LIMIT_S):
            news = await engine.step()
        now_s = time.perf_counter() - started_s
        for item in news:
            if not isinstance(item, Delta):
                raise RuntimeError(f"Request {item[0]} failed: {item[1].message}")
            answer = answers[item.request]
            answer.deltas.append(item)
            answer.first_s = answer.first_s or (now_s if item.num_tokens else 0.0)
            answer.ended_s = now_s
    return answers
