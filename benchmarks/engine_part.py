"""Tokens per second through Hearth against its engine driven directly, and against defaults.

The engine is `llamacpp`, which can be reached from outside; `native` is measured by its own part.
`direct` drives the very llama.cpp server inside Hearth's worker over its socket; `default` is the
library's server as it comes, with the model file as its package ships it. All three get the same
prompts, each prompt once, in interleaved windows of one run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct, field

from benchmarks import hearth_server, load_job
from benchmarks.figures import Figure
from benchmarks.gateway_subjects import MODEL
from benchmarks.load_job import COUNTER, Job
from benchmarks.processes import PYTHON, Process, free_port

ROUNDS = 9
STREAMS = (1, 8, 16)
NUM_TOKENS = 32
FIRST_TOKEN_REQUESTS = 15
FIRST_TOKEN_RATE_HZ = 5.0  # slow enough that they do not overlap


class Arm(Struct, frozen=True, kw_only=True):
    """One way to the model."""

    name: str
    process: Process
    address: str
    key: str = ""


class EngineRun(Struct):
    """What every window gave, by arm, in order of rounds."""

    tokens_per_s: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    first_token_ms: dict[str, list[float]] = field(default_factory=dict)

    def speedup(self, *, streams: int, over: str) -> float | None:
        """Hearth's tokens/s in units of another arm's: the median over rounds.

        The windows of a round follow each other within seconds, so what slows the machine for
        longer slows both; what hits a single window is left to the median.
        """
        own = self.tokens_per_s.get(("hearth", streams), [])
        other = self.tokens_per_s.get((over, streams), [])
        return median(a / b for a, b in zip(own, other, strict=True)) if own else None

    def first_token_added_ms(self) -> float | None:
        """How much later the first text comes through Hearth than from its engine."""
        own, other = self.first_token_ms.get("hearth", []), self.first_token_ms.get("direct", [])
        return median(a - b for a, b in zip(own, other, strict=True)) if own else None


def run(rounds: int = ROUNDS) -> EngineRun:
    """Measure all arms."""
    result = EngineRun()
    prompts = count(0, 1000)
    with started() as arms:
        for number in range(rounds):
            print(f"engine: round {number + 1} of {rounds}", flush=True)
            order = arms if number % 2 == 0 else arms[::-1]  # what drifts favours nobody
            for streams in STREAMS:
                for arm in order:
                    speed = _tokens_per_s(arm, streams, next(prompts))
                    result.tokens_per_s.setdefault((arm.name, streams), []).append(speed)
            for arm in order:
                if arm.name != "default":
                    first_ms = _first_token_ms(arm, next(prompts))
                    result.first_token_ms.setdefault(arm.name, []).append(first_ms)
    _print(result)
    return result


@contextmanager
def started() -> Iterator[list[Arm]]:
    """Start both servers and wait until each answers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hb-")))
        port = free_port()
        hearth = stack.enter_context(
            hearth_server.start_up(port, TMPDIR=str(folder), HEARTH_TEXT_ENGINE="llamacpp")
        )
        address = f"127.0.0.1:{port}"
        hearth.wait_until(address, hearth_server.READY, limit_s=hearth_server.FIRST_START_LIMIT_S)
        (engine,) = folder.glob("hearth-llama-*/llama.sock")
        key = hearth_server.api_key(hearth_server.HOME, port)
        arms = [
            Arm(name="hearth", process=hearth, address=address, key=key),
            Arm(name="direct", process=hearth, address=str(engine)),
            _default(stack, folder),
        ]
        for arm in arms:
            request = _job(arm, max_tokens=2).request()
            arm.process.wait_until(arm.address, request, limit_s=hearth_server.START_LIMIT_S)
        arms[-1].process.pause()
        yield arms


def _default(stack: ExitStack, folder: Path) -> Arm:
    file = hearth_server.model_as_shipped(MODEL)
    address = str(folder / "default.sock")
    command = [PYTHON, "-m", "benchmarks.default_engine", str(file), address]
    process = stack.enter_context(Process("default-engine", command))
    return Arm(name="default", process=process, address=address)


def _job(arm: Arm, *, max_tokens: int, first_count: int = 0) -> Job:
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"{COUNTER}: tell a story of a lighthouse."}],
        "max_tokens": max_tokens,
        "ignore_eos": True,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return Job(
        address=arm.address,
        key=arm.key,
        body=msgspec.json.encode(body).decode(),
        connections=1,
        requests=1,
        min_events=2,
        first_count=first_count,
    )


def _tokens_per_s(arm: Arm, streams: int, first_count: int) -> float:
    num_tokens = 2 * NUM_TOKENS if streams == 1 else NUM_TOKENS
    job = _job(arm, max_tokens=num_tokens, first_count=first_count)
    with _running(arm):
        answered = load_job.run(msgspec.structs.replace(job, connections=streams, requests=streams))
    if answered.tokens != streams * num_tokens:
        raise RuntimeError(f"{arm.name} gave {answered.tokens} tokens, not {streams * num_tokens}.")
    return answered.tokens / answered.wall_s


def _first_token_ms(arm: Arm, first_count: int) -> float:
    """One after the other, each on a connection of its own: llama.cpp closes them after one."""
    job = msgspec.structs.replace(
        _job(arm, max_tokens=2, first_count=first_count),
        connections=FIRST_TOKEN_REQUESTS,
        requests=FIRST_TOKEN_REQUESTS,
        rate_hz=FIRST_TOKEN_RATE_HZ,
    )
    with _running(arm):
        return load_job.run(job).first_text_ms


@contextmanager
def _running(arm: Arm) -> Iterator[None]:
    """Let the default server run for its own windows alone; an idle Hearth disturbs nobody."""
    if arm.name != "default":
        yield
        return
    arm.process.resume()
    try:
        yield
    finally:
        arm.process.pause()


def _print(result: EngineRun) -> None:
    print("\n| arm | streams | tokens/s | median | least |\n|---|---|---|---|---|")
    for (name, streams), speeds in sorted(result.tokens_per_s.items(), key=lambda item: item[0][1]):
        best, middle, least = max(speeds), median(speeds), min(speeds)
        print(f"| {name} | {streams} | {best:.0f} | {middle:.0f} | {least:.0f} |")
    for name, times in result.first_token_ms.items():
        print(f"First token, 1 stream, {name}: {', '.join(f'{ms:.1f}' for ms in times)} ms")


FIGURES: list[Figure[EngineRun]] = [
    *(
        Figure[EngineRun](
            name=f"tokens_per_s_vs_direct_at_{streams}",
            unit="ratio",
            target=0.95,
            direction="at least",
            measure=partial(EngineRun.speedup, streams=streams, over="direct"),
        )
        for streams in STREAMS
    ),
    Figure(
        name="first_token_added_at_1",
        unit="ms",
        target=5.0,
        direction="at most",
        measure=EngineRun.first_token_added_ms,
    ),
    *(
        Figure[EngineRun](
            name=f"tokens_per_s_vs_library_defaults_at_{streams}",
            unit="ratio",
            target=1.0 if streams == 1 else 1.5,
            direction="at least",
            measure=partial(EngineRun.speedup, streams=streams, over="default"),
        )
        for streams in STREAMS
    ),
]
