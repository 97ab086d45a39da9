"""The engine over a tiny model in exact arithmetic: a text is the same however it is computed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from hearth.engines.llm.native.backend import Weights
from tests.engines.llm.native.running import (
    GREEDY,
    SAMPLED,
    TAG,
    Run,
    prompt,
    runner_of,
    sequence,
)
from tests.engines.llm.native.tiny import tiny


@pytest.fixture(scope="module")
def weights() -> Weights:
    return tiny("llama").weights


@pytest.fixture
async def run(weights: Weights) -> AsyncIterator[Run]:
    """With room for eight sequences."""
    runner = runner_of(weights)
    yield Run(runner)
    await runner.close()


async def test_sequences_that_come_and_go_say_what_they_say_alone(run: Run) -> None:
    requests = [
        sequence(n, prompt(5 + 17 * n, n), sampling=GREEDY if n % 2 else SAMPLED, max_tokens=20)
        for n in range(1, 8)
    ]
    for request in requests:
        run.add(request)
        await run.step()
    await run.until_over(*range(1, 8))
    together = {n: run.outcomes[n].ids for n in range(1, 8)}

    for request in requests:
        run.add(request)
        await run.until_over(request.sequence)

    assert {n: run.outcomes[n].ids for n in range(1, 8)} == together
    assert all(len(ids) == 20 for ids in together.values())


async def test_a_prompt_that_is_known_is_not_computed_again_and_says_the_same(run: Run) -> None:
    text = prompt(100)
    run.add(sequence(1, text))
    await run.until_over(1)
    run.add(sequence(2, text, seed=1))
    run.add(sequence(3, text, seed=1, cache_group="another"))
    run.add(sequence(4, text, seed=1, use_cache=False))
    run.add(sequence(5, text[:70], seed=1))

    await run.until_over(2, 3, 4, 5)

    assert [run.outcomes[n].cached_tokens for n in range(1, 6)] == [0, 96, 0, 0, 64]
    assert len({tuple(run.outcomes[n].ids) for n in range(1, 5)}) == 1


async def test_a_prompt_that_several_have_in_common_is_computed_once(run: Run) -> None:
    text = prompt(100)
    for n in range(1, 6):
        run.add(sequence(n, [*text, n], sampling=SAMPLED))

    await run.until_over(*range(1, 6))

    assert [run.outcomes[n].cached_tokens for n in range(1, 6)] == [0, 96, 96, 96, 96]


async def test_what_was_generated_is_known_to_the_next_turn(run: Run) -> None:
    run.add(sequence(1, prompt(40), max_tokens=60))
    await run.until_over(1)

    run.add(sequence(2, [*prompt(40), *run.outcomes[1].ids, 7, 8]))
    await run.until_over(2)

    assert run.outcomes[2].cached_tokens == 96


async def test_where_blocks_run_out_the_last_waits_and_says_the_same(weights: Weights) -> None:
    requests = [sequence(n, prompt(30, n), max_tokens=60, sampling=SAMPLED) for n in range(1, 5)]
    wide, tight = Run(runner_of(weights)), Run(runner_of(weights, num_blocks=6))
    for run in (wide, tight):
        for request in requests:
            run.add(request)

    await wide.until_over(1, 2, 3, 4)
    await tight.until_over(1, 2, 3, 4)

    assert [tight.outcomes[n].ids for n in range(1, 5)] == [
        wide.outcomes[n].ids for n in range(1, 5)
    ]
    assert tight.runner.stats().running == tight.runner.stats().kv_used_tokens // 999 == 0
    for run in (wide, tight):
        await run.runner.close()


async def test_guesses_change_nothing_but_the_number_of_steps(weights: Weights) -> None:
    text = prompt(12) * 4
    told = {}
    for setting in ("auto", "off"):
        run = Run(runner_of(weights, speculation=setting))
        run.add(sequence(1, text, max_tokens=100, prediction="abc"))
        run.add(sequence(2, text, max_tokens=100, sampling=SAMPLED))
        run.add(sequence(3, text, max_tokens=100, ignore_eos=False, stop_ids=frozenset({9})))
        await run.until_over(1, 2, 3)
        told[setting] = {n: (each.ids, each.end) for n, each in run.outcomes.items()}
        await run.runner.close()

    assert told["auto"] == told["off"]


async def test_a_prompt_is_scored_and_nothing_is_generated(run: Run) -> None:
    text = prompt(90)
    run.add(sequence(1, text, max_tokens=1, logprobs=3))
    await run.until_over(1)
    run.add(sequence(2, text, max_tokens=0, prompt_logprobs=3))
    run.add(sequence(3, [*text, *run.outcomes[1].ids], max_tokens=0, prompt_logprobs=3))
    await run.until_over(2, 3)

    scores = run.outcomes[2].scores
    assert [each.token_id for each in scores] == text
    assert scores[0].logprob is None
    assert run.outcomes[2].num_tokens == 0
    assert run.outcomes[2].cached_tokens == 0
    last, drawn = run.outcomes[3].scores[-1], run.outcomes[1].logprobs[0]
    assert last.token_id == drawn.token_id
    assert last.logprob == pytest.approx(drawn.logprob, abs=1e-4)
    assert [each.token_id for each in last.top] == [each.token_id for each in drawn.top]


async def test_a_prompt_that_gave_way_is_scored_once(weights: Weights) -> None:
    told = []
    for num_blocks in (64, 5):
        run = Run(runner_of(weights, num_blocks=num_blocks, chunk_tokens=20))
        run.add(sequence(1, prompt(62), max_tokens=30))
        run.add(sequence(2, prompt(90, 1), max_tokens=8, prompt_logprobs=1))
        await run.until_over(1, 2)
        told.append((run.outcomes[2].scores, run.outcomes[2].ids))
        await run.runner.close()

    (wide, ids), (tight, same_ids) = told
    assert ids == same_ids
    assert [each.token_id for each in tight] == prompt(90, 1)
    for one, other in zip(wide[1:], tight[1:], strict=True):
        assert one.logprob == pytest.approx(other.logprob, abs=1e-4)


async def test_special_tokens_are_written_out_where_they_are_to_be_shown(run: Run) -> None:
    forced = replace(GREEDY, logit_bias={TAG: 100.0})
    run.add(sequence(1, prompt(9), sampling=forced, max_tokens=2, shown_tokens=("<tag>",)))
    run.add(sequence(2, prompt(9), sampling=forced, max_tokens=2))

    await run.until_over(1, 2)

    assert (run.outcomes[1].text, run.outcomes[1].ids) == ("<tag><tag>", [])
    assert (run.outcomes[2].text, run.outcomes[2].ids) == ("", [TAG, TAG])


async def test_the_urgent_goes_first_and_what_came_too_late_is_told(weights: Weights) -> None:
    run = Run(runner_of(weights, slots=1))
    run.add(sequence(1, prompt(9), max_tokens=30))
    await run.step()
    run.add(sequence(2, prompt(9)))
    run.add(sequence(3, prompt(9), priority=1))
    run.add(sequence(4, prompt(9), deadline_s=0.0))

    await run.until_over(1, 3, 4)

    assert not run.outcomes[2].is_over
    assert run.outcomes[4].failure is not None
    assert run.outcomes[4].failure.kind == "unavailable"
    await run.runner.close()


async def test_ten_thousand_requests_are_refused_one_by_one(weights: Weights) -> None:
    run = Run(runner_of(weights, slots=2, max_waiting=50))
    for n in range(1, 10_001):
        run.add(sequence(n, prompt(4), max_tokens=1))

    await run.until_over(*range(1, 10_001))

    refused = [each.failure for each in run.outcomes.values() if each.failure is not None]
    assert len(refused) == 9_950
    assert {each.kind for each in refused} == {"unavailable"}
    await run.runner.close()


async def test_more_than_the_cache_holds_is_refused_alone(weights: Weights) -> None:
    run = Run(runner_of(weights, num_blocks=3))
    run.add(sequence(1, prompt(90), max_tokens=7))
    run.add(sequence(2, prompt(90), max_tokens=6))

    await run.until_over(1, 2)

    assert run.outcomes[1].failure is not None
    assert "97 tokens" in run.outcomes[1].failure.message
    assert run.outcomes[2].end == "length"
    await run.runner.close()
