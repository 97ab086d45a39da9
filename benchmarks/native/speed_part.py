"""Tokens per second of `native` beside OpenVINO GenAI and llama.cpp, on the same weights.

`native` reads the file as shipped, GenAI the Q8_0 form of it, llama.cpp the Q4_0 form, which is
its fastest, and for comparison the Q8_0 form. Each has a process of its own and two threads; only
one runs at a time; they take turns load by load, round by round.

`python -m benchmarks.native.speed_part --rounds 1` measures this part alone, with fewer rounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from random import Random
from statistics import median

from msgspec import Struct

from benchmarks import figures
from benchmarks.figures import Figure
from benchmarks.native import adapter_loads, arms, files, genai_arm
from benchmarks.native.arms import Arm
from benchmarks.native.loads import Ask, Load, Told, random_prompt
from benchmarks.native.measured import NativeRun
from benchmarks.processes import CACHE

NATIVE, GUESSING, GENAI = "native", "native, guessing", "OpenVINO GenAI Q8_0"
LLAMA_Q4, LLAMA_Q8 = "llama.cpp Q4_0", "llama.cpp Q8_0"
PROMPT_TOKENS = 12
SLOTS = 32
LONG_PROMPT_TOKENS = 512
FIRST_TOKEN_STREAMS, FIRST_TOKEN_PROMPT = 8, 64
PREFILL, FIRST_TOKEN = "prompt of 512, tok/s", "first token of 8, s"
REPEATED = "1 stream that repeats itself, tok/s"


class Scale(Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int = 5
    streams: tuple[int, ...] = (1, 8, 16, 32)
    num_tokens: int = 128
    num_adapters: int = 100


class _Kind(Struct, frozen=True, kw_only=True):
    """A load, and what is read of it."""

    name: str
    streams: int
    prompt: Callable[[Random], list[int]]
    num_tokens: int
    read: Callable[[Told], float]

    def draw(self, draw: Random) -> Load:
        """Make it; no two have a prompt in common."""
        prompts = [self.prompt(draw) for _ in range(self.streams)]
        return Load([Ask(prompt=prompt, max_tokens=self.num_tokens) for prompt in prompts])


def run(scale: Scale | None = None) -> NativeRun:
    """Measure; GenAI's figures stay unmeasured where it cannot be installed."""
    scale = scale or Scale()
    measured = NativeRun()
    draw = Random(1)
    with ExitStack() as stack:
        standing = _standing(stack, measured)
        for streams in scale.streams:
            with ExitStack() as passing:
                llamas = _llamas(passing, streams)
                subjects = [*standing, *llamas]
                _measure(measured, subjects, _kinds(streams, scale), scale.rounds, draw)
                for arm in llamas:
                    name = f"{arm.name}, {streams} slots"
                    measured.resident_mib[name] = arm.resident_mib()
        for arm in standing:
            measured.resident_mib[f"{arm.name}, {SLOTS} slots"] = arm.resident_mib()
    adapter_loads.run(
        measured, rounds=scale.rounds, num_tokens=scale.num_tokens, count=scale.num_adapters
    )
    print("\n".join(measured.lines()))
    return measured


def stream_load(streams: int) -> str:
    """What the plain load is called."""
    return f"{streams} streams, tok/s"


def _standing(stack: ExitStack, measured: NativeRun) -> list[Arm]:
    """The arms that serve any number of streams.

    Greedy answers to random tokens soon repeat themselves, which guessing gains more of than it
    does of people's texts; so the figures are those of `native` without it.
    """
    python, shipped = genai_arm.install(CACHE), files.shipped()
    started = []
    for name, speculation in ((NATIVE, "off"), (GUESSING, "auto")):
        spec = arms.spec_of("native", shipped, slots=SLOTS, options={"speculation": speculation})
        started.append(stack.enter_context(arms.start_engine(name, spec)))
    if python is not None:
        genai = arms.start_genai(GENAI, python, files.form("q8_0"), streams=SLOTS)
        started.append(stack.enter_context(genai))
    for arm in started:
        measured.starts_s[arm.name] = [arm.start_s]
    return started


def _llamas(stack: ExitStack, streams: int) -> list[Arm]:
    """Arms with a slot for each stream: idle slots between busy ones cut llama.cpp's batches."""
    started = []
    for name, form in ((LLAMA_Q4, "q4_0"), (LLAMA_Q8, "q8_0")):
        options: arms.Options = {"batch_threads": arms.THREADS}
        spec = arms.spec_of("llamacpp", files.form(form), slots=streams, options=options)
        started.append(stack.enter_context(arms.start_engine(name, spec)))
    return started


def _kinds(streams: int, scale: Scale) -> list[_Kind]:
    short = partial(random_prompt, num_tokens=PROMPT_TOKENS)
    plain = _Kind(
        name=stream_load(streams),
        streams=streams,
        prompt=short,
        num_tokens=scale.num_tokens,
        read=lambda told: told.tokens_per_s,
    )
    prefill = _Kind(
        name=PREFILL,
        streams=1,
        prompt=partial(random_prompt, num_tokens=LONG_PROMPT_TOKENS),
        num_tokens=1,
        read=lambda told: LONG_PROMPT_TOKENS / told.first_s[0],
    )
    repeated = _Kind(
        name=REPEATED,
        streams=1,
        prompt=lambda draw: 4 * random_prompt(draw, 60),
        num_tokens=scale.num_tokens,
        read=lambda told: (told.tokens - 1) / (told.wall_s - told.first_s[0]),
    )
    first_token = _Kind(
        name=FIRST_TOKEN,
        streams=FIRST_TOKEN_STREAMS,
        prompt=partial(random_prompt, num_tokens=FIRST_TOKEN_PROMPT),
        num_tokens=4,
        read=lambda told: median(told.first_s),
    )
    more = {1: [prefill, repeated], FIRST_TOKEN_STREAMS: [first_token]}
    return [plain, *more.get(streams, [])]


def _measure(
    measured: NativeRun, subjects: Sequence[Arm], kinds: list[_Kind], rounds: int, draw: Random
) -> None:
    for arm in subjects:
        for kind in kinds:  # warms both the arm and this size of batch
            short = [Ask(prompt=random_prompt(draw, 16), max_tokens=4)] * kind.streams
            arm.ask(Load(short))
    for number in range(rounds):
        for kind in kinds:
            order = subjects[:: -1 if number % 2 else 1]  # what drifts favours nobody
            _take_turns(measured, order, kind, kind.draw(draw))
        print(f"native: {kinds[0].name}, round {number + 1} of {rounds}", flush=True)


def _take_turns(measured: NativeRun, subjects: Sequence[Arm], kind: _Kind, load: Load) -> None:
    for arm in subjects:
        told = arm.ask(load)
        if told.tokens != kind.streams * kind.num_tokens:
            raise RuntimeError(f"{arm.name} gave {told.tokens} tokens for {kind.name}.")
        measured.add(arm.name, kind.name, kind.read(told))


def _against(load: str, other: str, target: float, name: str) -> Figure[NativeRun]:
    """A figure of tokens per second in units of another arm's."""
    return Figure[NativeRun](
        name=name,
        unit="ratio",
        target=target,
        direction="at least",
        measure=partial(NativeRun.ratio, load=load, own=NATIVE, other=other),
    )


FIGURES: list[Figure[NativeRun]] = [
    *(
        _against(stream_load(streams), GENAI, 1.0, f"native_vs_genai_at_{streams}")
        for streams in (8, 16, 32)
    ),
    *(
        _against(stream_load(streams), LLAMA_Q4, 1.8, f"native_vs_llamacpp_at_{streams}")
        for streams in (16, 32)
    ),
    # No aim but a statement: alone, a stream waits for weights, and Q4_0 has half the bytes.
    _against(stream_load(1), LLAMA_Q4, 0.5, "native_vs_llamacpp_at_1"),
    _against(PREFILL, LLAMA_Q4, 2.5, "native_prefill_vs_llamacpp"),
    Figure(
        name="native_first_token_vs_llamacpp_at_8",
        unit="ratio",
        target=0.6,
        direction="at most",
        measure=partial(NativeRun.ratio, load=FIRST_TOKEN, own=NATIVE, other=LLAMA_Q4),
    ),
    Figure(
        name="native_start",
        unit="s",
        target=2.0,
        direction="at most",
        measure=partial(NativeRun.start_s, arm=NATIVE),
    ),
    *adapter_loads.FIGURES,
]


def main() -> None:
    """Measure this part alone and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=Scale().rounds)
    parser.add_argument("--streams", type=int, nargs="+", default=list(Scale().streams))
    parser.add_argument("--tokens", type=int, default=Scale().num_tokens)
    parser.add_argument("--adapters", type=int, default=Scale().num_adapters)
    options = parser.parse_args()
    scale = Scale(
        rounds=options.rounds,
        streams=tuple(options.streams),
        num_tokens=options.tokens,
        num_adapters=options.adapters,
    )
    readings, unmeasured = figures.read(FIGURES, run(scale))
    print(f"\n{figures.table(FIGURES, readings)}\nNot measured: {', '.join(unmeasured) or 'none'}")


if __name__ == "__main__":
    main()
