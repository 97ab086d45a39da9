"""What adapters cost: mixed in a batch, loaded by the hundred, coming and going.

They are of rank 16 on all linear maps, with random numbers.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.figures import Figure
from benchmarks.native import arms, files
from benchmarks.native.arms import Arm
from benchmarks.native.loads import Ask, Load, LoadAdapter, UnloadAdapter, random_prompt
from benchmarks.native.measured import NativeRun
from benchmarks.processes import CACHE
from hearth.engines.protocol import Adapter

STREAMS = 16
SLOTS = 32
PROMPT_TOKENS = 12
NATIVE, LLAMA = "native", "llama.cpp Q4_0"
BASE = "16 streams beside those with adapters, tok/s"
SIXTEEN = "16 streams on 16 adapters, tok/s"
ONE = "16 streams on 1 adapter, tok/s"
HALF = "8 streams on 8 adapters and 8 on none, tok/s"


def run(measured: NativeRun, *, rounds: int, num_tokens: int, count: int) -> None:
    """Measure; `count` adapters are loaded in the end."""
    with TemporaryDirectory(prefix="adapters-", dir=CACHE) as folder:
        adapters = files.write_adapters(files.shipped(), Path(folder), max(count, STREAMS))
        _mixed(measured, adapters[:STREAMS], rounds=rounds, num_tokens=num_tokens)
        _many(measured, adapters[:count])


def _mixed(measured: NativeRun, adapters: list[Adapter], *, rounds: int, num_tokens: int) -> None:
    names = [each.name for each in adapters]
    half = STREAMS // 2
    loads = {
        BASE: [""] * STREAMS,
        SIXTEEN: names,
        ONE: names[:1] * STREAMS,
        HALF: names[:half] + [""] * half,
    }
    draw = Random(2)
    with ExitStack() as stack:
        native = stack.enter_context(_native(measured))
        for adapter in adapters:
            native.ask(LoadAdapter(adapter))
        options: arms.Options = {"batch_threads": arms.THREADS}
        spec = arms.spec_of(
            "llamacpp", files.form("q4_0"), slots=STREAMS, options=options, adapters=adapters
        )
        llama = stack.enter_context(arms.start_engine(LLAMA, spec))
        for load, asked in loads.items():  # warms both
            _turn(NativeRun(), [native, llama], load, _Turn(draw, asked, 4))
        for number in range(rounds):
            for load, asked in loads.items():
                subjects = [native] if load in (ONE, HALF) else [native, llama]
                _turn(measured, subjects, load, _Turn(draw, asked, num_tokens))
            print(f"native: adapters, round {number + 1} of {rounds}", flush=True)


class _Turn(NamedTuple):
    """Streams of one moment."""

    draw: Random
    adapters: list[str]
    num_tokens: int


def _turn(measured: NativeRun, subjects: list[Arm], load: str, turn: _Turn) -> None:
    prompts = [random_prompt(turn.draw, PROMPT_TOKENS) for _ in turn.adapters]
    for arm in subjects:
        measured.add(arm.name, load, _speed(arm, prompts, turn.adapters, turn.num_tokens))


def _speed(arm: Arm, prompts: list[list[int]], adapters: list[str], num_tokens: int) -> float:
    pairs = zip(prompts, adapters, strict=True)
    asks = [Ask(prompt=prompt, max_tokens=num_tokens, adapter=name) for prompt, name in pairs]
    return arm.ask(Load(asks)).tokens_per_s


def _many(measured: NativeRun, adapters: list[Adapter]) -> None:
    """Load one after the other, use each once, unload all."""
    draw = Random(3)
    with _native(measured) as arm:
        note = measured.resident_mib
        for number, adapter in enumerate(adapters):
            measured.adapter_loads_s.append(arm.ask(LoadAdapter(adapter)).wall_s)
            if number == 0:
                note[f"{NATIVE} with 1 adapter loaded"] = arm.resident_mib()
        note[f"{NATIVE} with {len(adapters)} adapters loaded"] = arm.resident_mib()
        prompts = [random_prompt(draw, PROMPT_TOKENS) for _ in adapters]
        _speed(arm, prompts, [each.name for each in adapters], 4)
        note[f"{NATIVE} with {len(adapters)} adapters used"] = arm.resident_mib()
        unloads = [arm.ask(UnloadAdapter(each.name)).wall_s for each in adapters]
        measured.adapter_unloads_s += unloads
        note[f"{NATIVE} with all adapters unloaded"] = arm.resident_mib()


def _native(measured: NativeRun) -> Arm:
    options: arms.Options = {"speculation": "off"}
    spec = arms.spec_of("native", files.shipped(), slots=SLOTS, options=options)
    arm = arms.start_engine(NATIVE, spec)
    measured.starts_s.setdefault(NATIVE, []).append(arm.start_s)
    measured.resident_mib.setdefault(f"{NATIVE} without adapters, not used yet", arm.resident_mib())
    return arm


def _against_base(name: str, load: str, target: float) -> Figure[NativeRun]:
    return Figure[NativeRun](
        name=name,
        unit="ratio",
        target=target,
        direction="at least",
        measure=partial(NativeRun.ratio, load=load, own=NATIVE, other=NATIVE, other_load=BASE),
    )


FIGURES: list[Figure[NativeRun]] = [
    _against_base("native_sixteen_adapters_vs_base", SIXTEEN, 0.6),
    _against_base("native_one_adapter_vs_base", ONE, 0.8),
    Figure(
        name="native_adapter_load",
        unit="s",
        target=1.0,
        direction="at most",
        measure=NativeRun.adapter_load_s,
    ),
]
