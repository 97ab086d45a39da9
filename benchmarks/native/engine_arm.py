"""One of Hearth's engines in a process of its own: `… SPEC`; commands of `loads` on its input."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import time
from typing import TextIO

import msgspec

from benchmarks.native import driving
from benchmarks.native.driving import GREEDY
from benchmarks.native.loads import Ask, Command, Load, LoadAdapter, Told
from hearth.engines.engine import Engine, LiveAdapters
from hearth.engines.protocol import GenerateRequest, WorkerSpec
from hearth.engines.worker import BUILDERS


async def serve(spec: WorkerSpec, answers: TextIO) -> None:
    """Load the model, then do what is asked until the input closes."""
    builder = importlib.import_module(BUILDERS[spec.engine])
    started_s = time.perf_counter()
    engine: Engine = builder.build(spec)
    _tell(answers, Told(wall_s=time.perf_counter() - started_s))
    while line := await asyncio.to_thread(sys.stdin.readline):
        _tell(answers, await _obey(engine, msgspec.json.decode(line, type=Command)))
    await engine.close()


async def _obey(engine: Engine, command: Command) -> Told:
    if isinstance(command, Load):
        return await _loaded(engine, command.asks)
    if not isinstance(engine, LiveAdapters):
        raise TypeError("This engine loads adapters only at its start.")
    started_s = time.perf_counter()
    if isinstance(command, LoadAdapter):
        await engine.load_adapter(command.adapter)
    else:
        await engine.unload_adapter(command.name)
    return Told(wall_s=time.perf_counter() - started_s)


async def _loaded(engine: Engine, asks: list[Ask]) -> Told:
    answers = await driving.run(engine, dict(enumerate(map(_request, asks))))
    usages = [answer.usage for answer in answers.values()]
    return Told(
        wall_s=max(answer.ended_s for answer in answers.values()),
        tokens=sum(usage.completion_tokens for usage in usages if usage is not None),
        first_s=[answer.first_s for answer in answers.values()],
    )


def _request(ask: Ask) -> GenerateRequest:
    return GenerateRequest(
        prompt=ask.prompt,
        max_tokens=ask.max_tokens,
        adapter=ask.adapter,
        sampling=GREEDY,
        ignore_eos=True,
        seed=1,
    )


def _tell(answers: TextIO, told: Told) -> None:
    answers.write(msgspec.json.encode(told).decode() + "\n")
    answers.flush()


def main(spec: str) -> None:
    """Serve on standard input and output; what libraries print goes to standard error."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        asyncio.run(serve(msgspec.json.decode(spec, type=WorkerSpec), answers))


if __name__ == "__main__":
    main(sys.argv[1])
