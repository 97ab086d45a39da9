"""Runs requests on an engine the way a worker does: one loop of steps for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from hearth.engines.engine import Engine, Failed
from hearth.engines.protocol import Delta, Failure, GenerateRequest, PromptInfo, Usage

LIMIT_S = 60.0  # no test waits longer for an engine


@dataclass
class Answer:
    """All that came for one request."""

    deltas: list[Delta] = field(default_factory=list)
    failure: Failure | None = None

    @property
    def usage(self) -> Usage:
        """Of the last delta."""
        usage = self.deltas[-1].usage
        assert usage is not None
        return usage

    @property
    def prompt(self) -> PromptInfo:
        """Of the first delta."""
        prompt = self.deltas[0].prompt
        assert prompt is not None
        return prompt

    @property
    def is_over(self) -> bool:
        """Whether the last of it has come."""
        return self.failure is not None or bool(self.deltas and self.deltas[-1].usage)

    def text(self, choice: int = 0) -> str:
        """What the deltas of a choice add up to."""
        return "".join(delta.text for delta in self.deltas if delta.choice == choice)

    def reasoning(self, choice: int = 0) -> str:
        """What a choice thought."""
        told = [delta.more for delta in self.deltas if delta.choice == choice]
        return "".join(more.reasoning for more in told if more is not None)

    def finish(self, choice: int = 0) -> str | None:
        """Why a choice ended."""
        return [delta for delta in self.deltas if delta.choice == choice][-1].finish_reason


class Driver:
    """Adds requests and sorts what the steps bring."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.answers: dict[int, Answer] = {}

    def add(self, request_id: int, request: GenerateRequest) -> None:
        """Give a request to the engine; a refusal is its answer."""
        answer = self.answers[request_id] = Answer()
        try:
            self.engine.add(request_id, request)
        except Failed as refused:
            answer.failure = refused.failure

    async def step(self) -> None:
        """Take one step."""
        async with asyncio.timeout(LIMIT_S):
            news = await self.engine.step()
        for item in news:
            if isinstance(item, Delta):
                self.answers[item.request].deltas.append(item)
            else:
                self.answers[item[0]].failure = item[1]

    async def until_over(self, *request_ids: int) -> None:
        """Step until these requests are over."""
        while not all(self.answers[request].is_over for request in request_ids):
            await self.step()

    async def until_tokens(self, request_id: int, count: int = 1) -> None:
        """Step until a request has produced so many tokens."""
        while sum(d.num_tokens for d in self.answers[request_id].deltas) < count:
            await self.step()


async def answer(engine: Engine, request: GenerateRequest) -> Answer:
    """Run one request alone."""
    return (await answers(engine, {1: request}))[1]


async def answers(engine: Engine, requests: Mapping[int, GenerateRequest]) -> dict[int, Answer]:
    """Run requests together."""
    driver = Driver(engine)
    for request_id, request in requests.items():
        driver.add(request_id, request)
    await driver.until_over(*requests)
    return driver.answers
