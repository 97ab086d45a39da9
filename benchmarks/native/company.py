"""Whether the company of others changes an answer: alone, together, cached, crowded, adapted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.native import driving, files, prompts
from benchmarks.native.arms import Options
from benchmarks.native.driving import GREEDY, Answer
from benchmarks.native.engines import SLOTS, engine_of
from benchmarks.processes import CACHE
from hearth.engines.engine import Engine
from hearth.engines.protocol import GenerateRequest, Message, Sampling

SETTINGS = ("f32", "auto")
NUM_TOKENS = 40
BLOCK_TOKENS = 32
ADAPTERS = 3
SPREAD = 0.1  # of an adapter's numbers: answers differ from the base's

_RULES = (
    "You are a careful clerk of a small harbour office. Answer in plain words, name no person, "
    "give every number with its unit, say so where you do not know, and never ask back. Letters "
    "that come in are filed by their day, ships by their flag, and goods by their weight."
)


async def table() -> list[str]:
    """Measure; a Markdown table, row by row."""
    rows = ["| requests that answer as alone | " + " | ".join(SETTINGS) + " |", "|---|---|---|"]
    found = [{name: cell async for name, cell in _conditions(each)} for each in SETTINGS]
    cells = {name: " | ".join(each[name] for each in found) for name in found[0]}
    return rows + [f"| {name} | {row} |" for name, row in cells.items()]


async def _conditions(precision: str) -> AsyncIterator[tuple[str, str]]:
    """Each condition, and how many requests answered as they did alone."""
    file = files.shipped()
    plain: Options = {"precision": precision, "prefix_cache": False}
    asked = requests()
    async with engine_of(file, plain) as engine:
        alone = await _one_by_one(engine, asked)
        yield "together", _equal(await _together(engine, asked), alone)
    async with engine_of(file, plain | {"prefix_cache": True}) as engine:
        yield (
            "one by one, prompts in part from the cache",
            _cached(await _one_by_one(engine, asked), alone),
        )
        yield "together, prompts from the cache", _cached(await _together(engine, asked), alone)
    async with engine_of(file, plain | {"cache_tokens": _tight(alone)}) as engine:
        yield (
            "together, in a cache that holds the prompts alone",
            _equal(await _together(engine, asked), alone),
        )
    with TemporaryDirectory(prefix="adapters-", dir=CACHE) as folder:
        adapters = files.write_adapters(file, Path(folder), ADAPTERS, spread=SPREAD)
        names = ["", *(each.name for each in adapters)]
        async with engine_of(file, plain, adapters) as engine:
            mixed = requests(names)
            adapted = await _one_by_one(engine, mixed)
            num_changed = sum(
                a.token_ids != b.token_ids for a, b in zip(adapted, alone, strict=True)
            )
            yield (
                "together, 4 on no adapter, 12 on three",
                (
                    f"{_equal(await _together(engine, mixed), adapted)} "
                    f"({num_changed} not as without adapters)"
                ),
            )


def requests(adapters: Sequence[str] = ("",)) -> list[GenerateRequest]:
    """Sixteen chats, every other greedy, the adapters by turns; their first tokens are the same."""
    drawn = Sampling(temperature=0.8, top_p=0.95)
    return [
        GenerateRequest(
            messages=[Message("system", _RULES), *chat],
            sampling=drawn if number % 2 else GREEDY,
            seed=number,
            max_tokens=NUM_TOKENS,
            ignore_eos=True,
            adapter=adapters[number // 2 % len(adapters)],
            return_prompt=True,
            return_token_ids=True,
        )
        for number, chat in enumerate(prompts.chats()[:SLOTS])
    ]


async def _one_by_one(engine: Engine, asked: list[GenerateRequest]) -> list[Answer]:
    return [(await driving.run(engine, {0: request}))[0] for request in asked]


async def _together(engine: Engine, asked: list[GenerateRequest]) -> list[Answer]:
    return list((await driving.run(engine, dict(enumerate(asked)))).values())


def _tight(alone: list[Answer]) -> int:
    """Tokens of a cache that all prompts fit in but not their answers, so that some make way."""
    return BLOCK_TOKENS * sum(len(answer.prompt_ids) // BLOCK_TOKENS + 1 for answer in alone)


def _equal(answers: list[Answer], alone: list[Answer]) -> str:
    same = sum(a.token_ids == b.token_ids for a, b in zip(answers, alone, strict=True))
    return f"{same} of {len(alone)}"


def _cached(answers: list[Answer], alone: list[Answer]) -> str:
    num_cached = sum(each.usage is not None and each.usage.cached_tokens > 0 for each in answers)
    return f"{_equal(answers, alone)} ({num_cached} cached)"
