"""Constrained answers of a real model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest

from hearth.engines.llm.constraints import compile_constraint
from hearth.engines.llm.types import Broken, TokenEngine
from hearth.engines.protocol import Constraint, Sampling
from tests.engines.llm.llamacpp.sequences import (
    asked,
    end_of,
    events_of,
    ids_of,
    run,
    running,
    text_of,
)
from tests.engines.llm.schemas import Schema, random_schema
from tests.engines.models import smollm2_path

PROMPT = "<|im_start|>user\nDescribe a person as JSON.<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture
async def smollm2() -> AsyncIterator[TokenEngine]:
    async with running(smollm2_path(), slots=4, context_tokens=2048) as runner:
        yield runner


def grammar(kind: Any, what: object) -> str:
    return compile_constraint(Constraint(kind, what if isinstance(what, str) else json.dumps(what)))


async def num_valid(runner: TokenEngine, seeds: range, *, max_tokens: int) -> int:
    """Answer random schemas; how many ended, all of those checked."""
    prompt = await ids_of(runner, PROMPT)
    schemas = {seed: random_schema(seed) for seed in seeds}
    requests = {
        seed: asked(
            prompt,
            grammar=grammar("json_schema", schema),
            max_tokens=max_tokens,
            seed=seed,
            sampling=Sampling(temperature=0.7),
        )
        for seed, schema in schemas.items()
    }
    answers = await events_of(runner, *requests.values())
    ended = 0
    for seed, schema in schemas.items():
        events = answers[requests[seed].sequence]
        assert end_of(events) in {"eos", "length"}
        if end_of(events) == "eos":
            ended += 1
            check(json.loads(text_of(events)), schema)
    return ended


def check(value: object, schema: Schema) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(value)


async def test_every_finished_answer_matches_its_schema(smollm2: TokenEngine) -> None:
    assert await num_valid(smollm2, range(20), max_tokens=60) >= 10


@pytest.mark.slow
async def test_every_finished_answer_of_500_matches_its_schema(smollm2: TokenEngine) -> None:
    ended = [
        await num_valid(smollm2, range(start, start + 50), max_tokens=80)
        for start in range(0, 500, 50)  # each with its own limit of time
    ]
    assert sum(ended) >= 250


@pytest.mark.parametrize(
    ("kind", "what", "texts"),
    [
        ("regex", "red|green/?", {"red", "green", "green/"}),
        ("grammar", 'root ::= "yes" | "no"', {"yes", "no"}),
        ("grammar", 'root ::= "(" root ")" | "x"', {"x", "(x)"}),
        ("json_schema", {"enum": ["größe", "名前"]}, {'"größe"', '"名前"'}),
    ],
)
async def test_a_small_language_is_kept_to(
    smollm2: TokenEngine, kind: str, what: object, texts: set[str]
) -> None:
    prompt = await ids_of(smollm2, PROMPT)

    events = await run(smollm2, prompt, grammar=grammar(kind, what), max_tokens=20)

    assert end_of(events) == "eos"
    assert text_of(events) in texts


async def test_any_object_is_one_that_parses(smollm2: TokenEngine) -> None:
    prompt = await ids_of(smollm2, PROMPT)

    events = await run(smollm2, prompt, grammar=grammar("json_object", ""), max_tokens=200)

    assert end_of(events) == "eos"
    assert isinstance(json.loads(text_of(events)), dict)


async def test_an_answer_cut_by_the_limit_says_so(smollm2: TokenEngine) -> None:
    prompt = await ids_of(smollm2, PROMPT)

    events = await run(smollm2, prompt, grammar=grammar("json_object", ""), max_tokens=3)

    assert end_of(events) == "length"


async def test_ignoring_the_end_is_refused_where_only_the_end_fits(smollm2: TokenEngine) -> None:
    events = await run(smollm2, [1], grammar=grammar("regex", "a"), ignore_eos=True)

    assert isinstance(events[-1], Broken)
    assert events[-1].failure.param == "ignore_eos"
