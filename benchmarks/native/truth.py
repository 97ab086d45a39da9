"""How near each setting comes to the reference, on answers of the reference and on plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from msgspec import Struct

from benchmarks import llamacpp_quality
from benchmarks.native import driving, files, prompts
from benchmarks.native.driving import GREEDY, Answer
from benchmarks.native.engines import engine_of
from benchmarks.native.reference import Reference
from hearth.engines.engine import Engine
from hearth.engines.llm.native.weights import open_checkpoint
from hearth.engines.protocol import GenerateRequest

SETTINGS = ("f32", "bf16", "auto")
"Of `precision`, the exact one first."
WINDOW = 512


class Question(Struct, frozen=True):
    """A prompt as ids, and what the reference answers."""

    prompt: list[int]
    answer: list[int]

    @property
    def ids(self) -> list[int]:
        """All of it."""
        return [*self.prompt, *self.answer]

    def of_answer(self, logprobs: list[float]) -> list[float]:
        """Cut the answer's from those of all tokens but the first."""
        return logprobs[len(self.prompt) - 1 :]


class Said(Struct, frozen=True, kw_only=True):
    """Log-probabilities of the answers' tokens and of the text's, and greedy answers."""

    answered: list[float]
    read: list[float]
    answers: list[list[int]] | None = None

    @property
    def perplexity(self) -> float:
        """Of the text."""
        return math.exp(-sum(self.read) / len(self.read))


async def table(num_prompts: int, num_tokens: int, num_windows: int) -> list[str]:
    """Measure; a Markdown table, row by row."""
    file = files.shipped()
    reference = Reference(file)
    asked = await _prompt_ids(file, num_prompts)
    questions = [Question(ids, reference.greedy(ids, num_tokens)) for ids in asked]
    windows = _windows(file, num_windows)
    truth = Said(
        answered=list(
            chain.from_iterable(q.of_answer(reference.logprobs(q.ids)) for q in questions)
        ),
        read=list(chain.from_iterable(map(reference.logprobs, windows))),
        answers=[question.answer for question in questions],
    )
    lines = [
        "| setting | greedy answers equal | change in logprob: mean, max | perplexity | ratio |",
        "|---|---|---|---|---|",
        _row("transformers f32", truth, truth),
    ]
    for precision in SETTINGS:
        async with engine_of(file, {"precision": precision}) as engine:
            said = await _native(engine, questions, windows, num_tokens)
        lines.append(_row(f"native {precision}", said, truth))
    for name, path in (("as shipped", file), ("Q8_0", files.form("q8_0"))):
        lines.append(_row(f"llama.cpp, {name}", _llama(path, questions, windows), truth))
    return lines


async def _prompt_ids(file: Path, count: int) -> list[list[int]]:
    """Half chats, half texts, by turns."""
    chats = [_greedy(1, messages=chat) for chat in prompts.chats()]
    texts = [_greedy(1, prompt=text) for text in prompts.beginnings()]
    requests = list(chain.from_iterable(zip(chats, texts, strict=True)))[:count]
    async with engine_of(file, {"precision": "f32"}) as engine:
        return [answer.prompt_ids for answer in await _answers(engine, requests)]


def _greedy(max_tokens: int, **fields: object) -> GenerateRequest:
    return GenerateRequest(
        **fields,  # type: ignore[arg-type]
        max_tokens=max_tokens,
        sampling=GREEDY,
        seed=1,
        return_prompt=True,
        return_token_ids=True,
    )


async def _answers(engine: Engine, requests: Sequence[GenerateRequest]) -> list[Answer]:
    return list((await driving.run(engine, dict(enumerate(requests)))).values())


def _windows(file: Path, count: int) -> list[list[int]]:
    encode = open_checkpoint(file).tokenizer.encode
    ids = encode(prompts.long_text(), special=False, start=False)
    return [ids[start : start + WINDOW] for start in range(0, WINDOW * count, WINDOW)]


async def _native(
    engine: Engine, questions: list[Question], windows: list[list[int]], num_tokens: int
) -> Said:
    asked = [_greedy(num_tokens, prompt=question.prompt) for question in questions]
    answers = [answer.token_ids for answer in await _answers(engine, asked)]
    scored = await _scores(engine, [question.ids for question in questions])
    return Said(
        answered=list(
            chain.from_iterable(
                question.of_answer(each) for question, each in zip(questions, scored, strict=True)
            )
        ),
        read=list(chain.from_iterable(await _scores(engine, windows))),
        answers=answers,
    )


async def _scores(engine: Engine, texts: list[list[int]]) -> list[list[float]]:
    """The log-probabilities of all tokens but the first of each text, by echo."""
    requests = [
        GenerateRequest(prompt=ids, max_tokens=0, echo_tokens=-1, logprobs=0, seed=1)
        for ids in texts
    ]
    told = [answer.logprobs for answer in await _answers(engine, requests)]
    return [[each.logprob for each in one if each.logprob is not None] for one in told]


def _llama(path: Path, questions: list[Question], windows: list[list[int]]) -> Said:
    model = llamacpp_quality.Native(path)

    def score(ids: list[int]) -> list[float]:
        rows = model.logprobs(ids)
        return [float(rows[place, token]) for place, token in enumerate(ids[1:])]

    said = Said(
        answered=list(chain.from_iterable(q.of_answer(score(q.ids)) for q in questions)),
        read=list(chain.from_iterable(map(score, windows))),
    )
    model.close()
    return said


def _row(name: str, said: Said, truth: Said) -> str:
    change = [abs(a - b) for a, b in zip(said.answered, truth.answered, strict=True)]
    return (
        f"| {name} | {_equal(said, truth)} "
        f"| {sum(change) / len(change):.2g}, {max(change):.2g} "
        f"| {said.perplexity:.3f} | {said.perplexity / truth.perplexity:.4f} |"
    )


def _equal(said: Said, truth: Said) -> str:
    if said.answers is None or truth.answers is None:
        return "not measured"
    same = sum(a == b for a, b in zip(said.answers, truth.answers, strict=True))
    return f"{same} of {len(truth.answers)}"
