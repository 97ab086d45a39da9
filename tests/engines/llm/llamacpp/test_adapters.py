"""Adapters in llama.cpp, against the same model with the adapter added to its weights."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks.llamacpp_quality import Reference
from hearth.engines.llm import llamacpp
from hearth.engines.protocol import Adapter, Sampling
from hearth.errors import SetupError
from tests.engines.adapters import (
    given,
    merged,
    random_lora,
    tiny_adapters,
    write_lora,
)
from tests.engines.conftest import llama_spec
from tests.engines.llm.llamacpp.sequences import (
    asked,
    cached_of,
    events_of,
    ids_in,
    logprobs_of,
    run,
    running,
    text_of,
)
from tests.engines.models import write_tiny_model

PROMPT = [1, 50, 60, 70]
EXACT = {"kv_type": "f32", "flash_attention": "off"}
ASCII = Sampling(temperature=0.0, logit_bias=dict.fromkeys(range(128 + 3, 268), -10000000000.0))
TOLERANCE = 2e-3  # 32 bits in another order


@pytest.fixture
def adapters(tiny_model: Path, tmp_path: Path) -> list[Adapter]:
    return tiny_adapters(tmp_path, tiny_model)


async def test_its_numbers_are_those_of_the_merged_weights_also_beside_others(
    tiny_model: Path, adapters: list[Adapter], tmp_path: Path
) -> None:
    names = ["", *(each.name for each in adapters)]
    truths = [tiny_model]
    truths += [
        merged(tiny_model, random_lora(tiny_model, seed=n), tmp_path / f"merged{n}") for n in (0, 1)
    ]
    requests = [
        asked(PROMPT, adapter=name, sampling=ASCII, max_tokens=20, logprobs=1, token_ids=True)
        for name in names
    ]

    async with running(tiny_model, adapters=adapters, options=EXACT, slots=3) as runner:
        together = await events_of(runner, *requests)

    for request, truth in zip(requests, truths, strict=True):
        events = together[request.sequence]
        ids = ids_in(events)
        rows = Reference(truth).logprobs([*PROMPT, *ids])[len(PROMPT) - 1 :]
        for token, place, row in zip(ids, logprobs_of(events), rows, strict=False):
            assert place.logprob == pytest.approx(float(row[token]), abs=TOLERANCE)


async def test_one_slot_used_with_one_adapter_after_another_forgets_the_last(
    tiny_model: Path, adapters: list[Adapter]
) -> None:
    names = ["", *(each.name for each in adapters)]

    async with running(tiny_model, adapters=adapters, slots=1) as runner:
        twice = [[await run(runner, PROMPT, adapter=name) for name in names] for _ in range(2)]

    assert [text_of(each) for each in twice[0]] == [text_of(each) for each in twice[1]]
    assert {cached_of(each) for each in twice[1]} == {0}


async def test_a_hundred_adapters_are_told_apart(tiny_model: Path, tmp_path: Path) -> None:
    files = [
        write_lora(tmp_path / f"{n}", random_lora(tiny_model, seed=n, rank=1)) for n in range(100)
    ]
    adapters = [given(file, f"a{n}") for n, file in enumerate(files)]
    chosen = [adapters[n].name for n in (0, 57, 99)]

    async with running(tiny_model, adapters=adapters) as runner:
        texts = {text_of(await run(runner, PROMPT, adapter=name)) for name in chosen}

    assert len(texts) == 3


def _refusal(model: Path, *adapters: Adapter) -> str:
    with pytest.raises(SetupError) as refused:
        llamacpp.build(llama_spec(model, adapters=list(adapters)))
    return str(refused.value)


async def test_what_is_no_adapter_of_this_model_is_refused_by_name(
    tiny_model: Path, adapters: list[Adapter], tmp_path: Path
) -> None:
    first = adapters[0]
    other = random_lora(tiny_model, seed=1)
    name, (a, b) = next(iter(other.items()))
    wide = write_lora(tmp_path / "wide.gguf", {name: (a[:, :16], b)})

    refusals = [
        await asyncio.to_thread(_refusal, tiny_model, replace(first, digest="0" * 64)),
        await asyncio.to_thread(_refusal, tiny_model, given(tiny_model, "model")),
        await asyncio.to_thread(_refusal, tiny_model, first, first),
        await asyncio.to_thread(_refusal, tiny_model, given(wide, "wide")),
        await asyncio.to_thread(_refusal, tiny_model, replace(first, path="/nowhere")),
    ]

    assert "has changed" in refusals[0]
    assert "not the adapter accounts/test/models/model" in refusals[1]
    assert "given twice" in refusals[2]
    assert "accounts/test/models/wide" in refusals[3]
    assert "cannot be read" in refusals[4]


async def test_an_adapter_of_another_architecture_is_refused(
    tiny_model: Path, tmp_path: Path
) -> None:
    lora = random_lora(write_tiny_model(tmp_path / "m.gguf"), seed=1)
    alien = write_lora(tmp_path / "alien.gguf", lora, architecture="gemma")

    refusal = await asyncio.to_thread(_refusal, tiny_model, given(alien, "alien"))

    assert "accounts/test/models/alien" in refusal
