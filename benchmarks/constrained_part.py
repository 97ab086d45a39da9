"""What a grammar costs, those beside it included, and what a cached prefix saves.

All through Hearth over HTTP, with the default model, in interleaved windows of one run. The schema
cannot be fulfilled within the limit of tokens, so that every answer is as long as a free one.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from msgspec import Struct, field

from benchmarks import hearth_server, load_job
from benchmarks.figures import Figure
from benchmarks.gateway_subjects import MODEL
from benchmarks.load_job import COUNTER, Job
from benchmarks.processes import free_port

ROUNDS = 9
STREAMS = 8
NUM_TOKENS = 48
PREFIX_REQUESTS = 5
PREFIX = (
    "The keeper of the lighthouse wrote down what he had seen in the night. " * 66
)  # 1,000 tokens
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "city": {"enum": ["Lagos", "Lima", "Oslo"]},
    },
    "required": ["name", "age", "city"],
}
PEOPLE = {
    "type": "object",
    "properties": {"people": {"type": "array", "items": PERSON, "minItems": 50}},
    "required": ["people"],
}
CONSTRAINED: dict[str, Any] = {  # Any: a body's JSON
    "response_format": {"type": "json_schema", "json_schema": {"name": "people", "schema": PEOPLE}}
}
FREE: dict[str, Any] = {"ignore_eos": True}  # Any: a body's JSON


class ConstrainedRun(Struct):
    """What the windows gave, in order of rounds."""

    tokens_per_s: dict[str, list[float]] = field(default_factory=dict)
    "`free`, `constrained`; `beside …`: free requests in half of the streams, those in the other."
    first_token_ms: dict[str, list[float]] = field(default_factory=dict)
    "`cold`, `cached`."

    def of_free(self) -> float | None:
        """Constrained decoding in units of free decoding."""
        return _ratio(self.tokens_per_s, "constrained", "free")

    def of_undisturbed(self) -> float | None:
        """Free requests beside constrained ones in units of those beside free ones."""
        return _ratio(self.tokens_per_s, "beside constrained", "beside free")

    def of_cold(self) -> float | None:
        """Time to the first token with a cached prefix in units of that without."""
        return _ratio(self.first_token_ms, "cached", "cold")


def run(rounds: int = ROUNDS) -> ConstrainedRun:
    """Measure all windows."""
    result = ConstrainedRun()
    prompts = count(0, 1000)
    with started() as free:
        constrained = _with(free, CONSTRAINED)
        beside = {"free": free, "constrained": constrained}
        for number in range(rounds):
            print(f"constrained: round {number + 1} of {rounds}", flush=True)
            kinds = list(beside) if number % 2 == 0 else list(beside)[::-1]
            for kind in kinds:
                speed = _tokens_per_s(beside[kind], STREAMS, next(prompts))
                result.tokens_per_s.setdefault(kind, []).append(speed)
            for kind in kinds:
                speed = _tokens_per_s_beside(free, beside[kind], next(prompts))
                result.tokens_per_s.setdefault(f"beside {kind}", []).append(speed)
            for kind, text in (("cold", COUNTER + PREFIX), ("cached", PREFIX + COUNTER)):
                first_ms = _first_token_ms(free, text, next(prompts))
                result.first_token_ms.setdefault(kind, []).append(first_ms)
    _print(result)
    return result


@contextmanager
def started() -> Iterator[Job]:
    """Start Hearth and give a job of free requests once it answers."""
    with TemporaryDirectory(prefix="hb-") as folder:
        port = free_port()
        address = f"127.0.0.1:{port}"
        with hearth_server.start_up(port, TMPDIR=str(Path(folder))) as hearth:
            limit_s = hearth_server.FIRST_START_LIMIT_S
            hearth.wait_until(address, hearth_server.READY, limit_s=limit_s)
            body = {
                "model": MODEL,
                "messages": [{"role": "user", "content": f"{COUNTER}: list people as JSON."}],
                "max_tokens": NUM_TOKENS,
                "temperature": 0,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            job = Job(
                address=address,
                key=hearth_server.api_key(hearth_server.HOME, port),
                body=msgspec.json.encode(body | FREE).decode(),
                min_events=2,
            )
            hearth.wait_until(address, job.request(), limit_s=hearth_server.START_LIMIT_S)
            hearth.wait_until(
                address, _with(job, CONSTRAINED).request(), limit_s=hearth_server.START_LIMIT_S
            )
            yield job


def _with(job: Job, changes: dict[str, Any]) -> Job:  # Any: a body's JSON
    """Return the job with fields of its body changed; a constraint takes the place of `FREE`."""
    body = msgspec.json.decode(job.body) | changes
    if "response_format" in changes:
        del body["ignore_eos"]
    return msgspec.structs.replace(job, body=msgspec.json.encode(body).decode())


def _tokens_per_s(job: Job, streams: int, first_count: int, num_tokens: int = NUM_TOKENS) -> float:
    job = msgspec.structs.replace(
        _with(job, {"max_tokens": num_tokens}),
        connections=streams,
        requests=streams,
        first_count=first_count,
    )
    answered = load_job.run(job)
    if answered.tokens != streams * num_tokens:
        raise RuntimeError(f"{answered.tokens} tokens came, not {streams * num_tokens}.")
    return answered.tokens / answered.wall_s


def _tokens_per_s_beside(free: Job, others: Job, first_count: int) -> float:
    """Half of the streams, while the other half runs for longer on either side."""
    half = STREAMS // 2
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(_tokens_per_s, others, half, first_count + half, 3 * NUM_TOKENS)
        speed = _tokens_per_s(free, half, first_count)
        beside.result()
    return speed


def _first_token_ms(free: Job, text: str, first_count: int) -> float:
    """Of requests one after the other; the first, which fills the cache, is not counted."""
    messages = [{"role": "user", "content": text}]
    job = msgspec.structs.replace(
        _with(free, {"messages": messages, "max_tokens": 2}),
        connections=1,
        requests=1,
        first_count=first_count,
    )
    load_job.run(job)
    later = msgspec.structs.replace(job, requests=PREFIX_REQUESTS, first_count=first_count + 1)
    return load_job.run(later).first_text_ms


def _ratio(values: dict[str, list[float]], of: str, to: str) -> float | None:
    """The median over rounds: what slows the machine for longer slows both of a round."""
    pairs = zip(values.get(of, []), values.get(to, []), strict=True)
    ratios = [a / b for a, b in pairs]
    return median(ratios) if ratios else None


def _print(result: ConstrainedRun) -> None:
    print("\n| streams | tokens/s | median | least |\n|---|---|---|---|")
    for name, speeds in result.tokens_per_s.items():
        print(f"| {name} | {max(speeds):.0f} | {median(speeds):.0f} | {min(speeds):.0f} |")
    for name, times in result.first_token_ms.items():
        print(f"First token, prefix of 1,000 tokens, {name}: {median(times):.0f} ms")


FIGURES: list[Figure[ConstrainedRun]] = [
    Figure(
        name=f"constrained_tokens_per_s_vs_free_at_{STREAMS}",
        unit="ratio",
        target=0.8,
        direction="at least",
        measure=ConstrainedRun.of_free,
    ),
    Figure(
        name="free_tokens_per_s_beside_constrained_vs_beside_free",
        unit="ratio",
        target=0.85,
        direction="at least",
        measure=ConstrainedRun.of_undisturbed,
    ),
    Figure(
        name="first_token_of_cached_1000_token_prefix_vs_cold",
        unit="ratio",
        target=0.25,
        direction="at most",
        measure=ConstrainedRun.of_cold,
    ),
]
