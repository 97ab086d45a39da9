"""What llama.cpp would ignore or change silently, and what can be wrong with a model file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hearth.engines.engine import Engine
from hearth.engines.llm.llamacpp.messages import samplers
from hearth.engines.protocol import GenerateRequest, Message, Sampling
from tests.engines.driving import Driver, answer, answers
from tests.engines.llm.llamacpp.loading import loaded, story
from tests.engines.models import EOS, smollm2_path, write_tiny_model

GREEDY = Sampling(temperature=0.0)
LLAMA_DEFAULTS = Sampling(temperature=0.8, top_k=40, top_p=0.95, min_p=0.05)


@pytest.fixture
async def smollm2() -> AsyncIterator[Engine]:
    async with loaded(smollm2_path()) as engine:
        yield engine


@pytest.fixture
async def tiny(tiny_model: Path) -> AsyncIterator[Engine]:
    async with loaded(tiny_model) as engine:
        yield engine


async def text(engine: Engine, **sampling: Any) -> str:
    request = story(sampling=Sampling(**sampling), max_tokens=24, ignore_eos=True)
    return (await answer(engine, request)).text()


async def test_the_servers_own_sampling_defaults_do_not_leak(tiny: Engine) -> None:
    unset = await text(tiny)

    assert unset == await text(tiny, temperature=1.0, top_p=1.0, top_k=0, min_p=0.0, typical_p=1.0)
    assert unset != await text(tiny, temperature=0.8, top_k=40, top_p=0.95, min_p=0.05)


async def test_a_models_own_defaults_stand_where_a_request_says_nothing(
    tmp_path: Path, tiny: Engine
) -> None:
    path = write_tiny_model(tmp_path / "cold.gguf", temperature=0.0)
    async with loaded(path) as cold:
        assert await text(cold) == await text(tiny, temperature=0.0)
        assert await text(cold, temperature=1.0) == await text(tiny, temperature=1.0)


async def test_banning_the_likeliest_token_changes_the_text(smollm2: Engine) -> None:
    greedy = await answer(smollm2, story(max_tokens=1, sampling=GREEDY))
    assert greedy.text() == ","
    comma = 28

    banned = [
        await answer(
            smollm2,
            story(max_tokens=8, sampling=Sampling(temperature=0.0, logit_bias={comma: bias})),
        )
        for bias in (-100.0, float("-inf"))
    ]

    assert "," not in banned[0].text()
    assert banned[0].text() == banned[1].text()


async def test_a_forced_token_is_all_there_is(tiny: Engine) -> None:
    forced = await answer(
        tiny, story(sampling=Sampling(logit_bias={3 + ord("A"): 100.0}), ignore_eos=True)
    )

    assert forced.text() == "A" * 12


@pytest.mark.parametrize(
    "sampling", [{"top_k": 1}, {"top_p": 0.0}, {"min_p": 1.0}, {"temperature": 0.0}]
)
async def test_the_narrowest_setting_of_a_sampler_is_greedy(
    tiny: Engine, sampling: dict[str, Any]
) -> None:
    assert await text(tiny, **sampling) == await text(tiny, temperature=0.0)


@pytest.mark.parametrize(
    "sampling", [{"typical_p": 0.1}, {"mirostat_target": 1.0}, {"temperature": 3.0}]
)
async def test_other_samplers_have_an_effect(tiny: Engine, sampling: dict[str, Any]) -> None:
    assert await text(tiny, **sampling) != await text(tiny)


@pytest.mark.parametrize("penalty", ["repetition_penalty", "frequency_penalty", "presence_penalty"])
async def test_penalties_count_the_prompt_too(smollm2: Engine, penalty: str) -> None:
    prompt = "the cat the cat the cat the cat the"

    plain = await answer(smollm2, story(prompt=prompt, max_tokens=3, sampling=GREEDY))
    fields: dict[str, Any] = {"temperature": 0.0, penalty: 2.0}
    penalised = await answer(
        smollm2, story(prompt=prompt, max_tokens=3, sampling=Sampling(**fields))
    )

    assert plain.text() == " cat the cat"
    assert "the cat" not in penalised.text()


@pytest.mark.parametrize(
    ("sampling", "param"),
    [
        ({"mirostat_target": 3.0, "top_k": 5}, "top_k"),
        ({"mirostat_target": 3.0, "repetition_penalty": 1.1}, "repetition_penalty"),
        ({"mirostat_lr": 0.2}, "mirostat_lr"),
    ],
)
async def test_what_mirostat_would_switch_off_is_refused(
    tiny: Engine, sampling: dict[str, Any], param: str
) -> None:
    got = await answer(tiny, story(sampling=Sampling(**sampling)))

    assert got.failure is not None
    assert got.failure.param == param


def test_only_samplers_that_change_something_are_in_the_chain() -> None:
    assert samplers(Sampling(temperature=1.0, top_p=1.0, top_k=0, min_p=0.0)) == []
    assert samplers(Sampling(temperature=0.0, top_p=0.5, frequency_penalty=0.1)) == [
        "penalties",
        "temperature",
    ]
    assert samplers(LLAMA_DEFAULTS) == ["temperature", "top_k", "top_p", "min_p"]


async def test_the_end_token_ends_a_text_unless_ignored(tiny: Engine) -> None:
    wanted = Sampling(logit_bias={EOS: 100.0})

    ended = await answer(tiny, story(sampling=wanted))
    ignored = await answer(tiny, story(sampling=wanted, ignore_eos=True))

    assert (ended.text(), ended.finish(), ended.usage.completion_tokens) == ("", "stop", 1)
    assert (ignored.finish(), ignored.usage.completion_tokens) == ("length", 12)


async def test_a_seed_gives_its_text_whatever_runs_beside_it(smollm2: Engine) -> None:
    alone = await answer(smollm2, story(seed=5, max_tokens=30))

    requests = {n: story(seed=n, prompt=f"Chapter {n}", max_tokens=30) for n in (1, 2)}
    together = await answers(smollm2, requests | {5: story(seed=5, max_tokens=30)})

    assert together[5].text() == alone.text()


@pytest.mark.parametrize("seed", [0xFFFF_FFFF, 2**40, -1])
async def test_any_integer_is_a_seed(tiny: Engine, seed: int) -> None:
    first, again = [await answer(tiny, story(seed=seed)) for _ in range(2)]

    assert first.text() == again.text() != ""


async def test_a_prompt_seen_before_comes_from_the_cache_with_the_same_result(
    smollm2: Engine,
) -> None:
    prompt = "A long tale of ships and storms. " * 12
    first = await answer(smollm2, story(prompt=prompt, sampling=GREEDY))

    again = await answer(smollm2, story(prompt=prompt, sampling=GREEDY))

    assert first.prompt.cached_tokens == 0
    assert again.prompt.cached_tokens == again.usage.cached_tokens > 50
    assert again.text() == first.text()


async def test_text_is_never_cut_inside_a_character(smollm2: Engine) -> None:
    say = "Repeat: 😀😃🎉 हिन्दी 漢字"
    request = GenerateRequest(
        messages=[Message("user", say)], seed=1, max_tokens=60, sampling=GREEDY
    )

    got = await answer(smollm2, request)

    assert "😀" in got.text()
    assert "\ufffd" not in got.text()
    assert sum(delta.num_tokens for delta in got.deltas) == got.usage.completion_tokens


async def test_an_empty_prompt_is_refused_unless_the_model_starts_every_text_itself(
    smollm2: Engine, tiny: Engine
) -> None:
    refused = await answer(smollm2, story(prompt=""))
    started = await answer(tiny, story(prompt=""))

    assert refused.failure is not None
    assert refused.failure.param == "prompt"
    assert started.usage.prompt_tokens == 1


async def test_the_leading_token_is_added_once(tiny: Engine) -> None:
    plain = await answer(tiny, story(prompt="abc", max_tokens=0))
    written = await answer(tiny, story(prompt="<s>abc", max_tokens=0))

    assert plain.usage.prompt_tokens == written.usage.prompt_tokens == 4


async def test_closing_with_requests_in_flight_leaves_nothing_running(tiny_model: Path) -> None:
    async with loaded(tiny_model) as engine:
        driver = Driver(engine)
        for number in range(4):
            driver.add(number, story(prompt=[9], max_tokens=None, ignore_eos=True))
        before = engine.stats()
        await driver.until_tokens(0)

    assert (before.running, before.waiting) == (2, 2)
    assert engine.stats().running == 0
