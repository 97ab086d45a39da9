"""Texts per second through POST /embeddings against sentence-transformers called directly.

Both have the same weights, the same threads and the same texts, in interleaved windows of one run;
Hearth's side pays for HTTP, base64 and the ledger as well.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from statistics import median

from msgspec import Struct, field

from benchmarks import hearth_server, sentence_transformers_arm
from benchmarks.figures import Figure
from benchmarks.processes import CACHE, free_port
from benchmarks.sentence_transformers_arm import SentenceTransformers
from hearth.app import num_cores

MODEL = "all-minilm-l6-v2"
ROUNDS = 9
NUM_TEXTS = 256
ANSWER_LIMIT_S = 120.0
SHAPES = {"short": (12, 24), "mixed": (4, 160)}
"Words of a text: the shortest and the longest."

_TEXT = (
    "the train leaves the station before noon and people talk about what they saw in the city "
    "while snow falls on a river that carries ships to harbours of the north"
)
_WORDS = _TEXT.split()


Encode = Callable[[list[str]], float]
"Encodes texts and says how many seconds that took."


class EmbeddingRun(Struct):
    """Texts per second of every window, by arm and shape, in order of rounds."""

    texts_per_s: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def speedup(self, shape: str) -> float | None:
        """Hearth's texts/s in units of the other's: the median over rounds."""
        own = self.texts_per_s.get(("hearth", shape), [])
        other = self.texts_per_s.get(("sentence-transformers", shape), [])
        ratios = [a / b for a, b in zip(own, other, strict=False)]
        return median(ratios) if ratios else None


def run() -> EmbeddingRun:
    """Measure; the figures stay unmeasured where sentence-transformers cannot be installed."""
    measured = EmbeddingRun()
    python = sentence_transformers_arm.install(CACHE)
    if python is None:
        return measured
    draw = Random(1)
    with _hearth() as (api, folder):
        other = SentenceTransformers(python, folder, num_cores())
        try:
            arms: dict[str, Encode] = {
                "hearth": api.embed_s,
                "sentence-transformers": other.encode_s,
            }
            for shape in SHAPES:
                _measure(measured, shape, draw, arms)
        finally:
            other.close()
    return measured


def _measure(measured: EmbeddingRun, shape: str, draw: Random, arms: dict[str, Encode]) -> None:
    for number in range(ROUNDS + 1):
        texts = [_text(draw, *SHAPES[shape]) for _ in range(NUM_TEXTS)]
        for name, encode_s in arms.items():
            spent_s = encode_s(texts)
            if number:  # the first round warms both
                measured.texts_per_s.setdefault((name, shape), []).append(NUM_TEXTS / spent_s)
    for name in arms:
        rate = median(measured.texts_per_s[name, shape])
        print(f"embeddings, {shape} texts: {name} {rate:.0f} texts/s")


def _text(draw: Random, shortest: int, longest: int) -> str:
    return " ".join(draw.choices(_WORDS, k=draw.randint(shortest, longest)))


class _Api:
    """POST /embeddings on a kept connection."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT_S)
        self._key = hearth_server.api_key(hearth_server.HOME, port)

    def embed_s(self, texts: list[str]) -> float:
        """Seconds for these texts."""
        body = json.dumps({"model": MODEL, "input": texts, "encoding_format": "base64"})
        started_s = time.perf_counter()
        headers = {"authorization": f"Bearer {self._key}"}
        self._connection.request("POST", "/v1/embeddings", body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        spent_s = time.perf_counter() - started_s
        if response.status != 200:
            raise RuntimeError(f"POST /embeddings answered {response.status}: {answer[:200]!r}")
        return spent_s

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@contextmanager
def _hearth() -> Iterator[tuple[_Api, Path]]:
    """A Hearth with the model, and the folder of its weights."""
    port = free_port()
    folder = hearth_server.pulled(MODEL)
    with hearth_server.start_up(port) as process:
        process.wait_until(
            f"127.0.0.1:{port}", hearth_server.READY, limit_s=hearth_server.FIRST_START_LIMIT_S
        )
        api = _Api(port)
        try:
            yield api, folder
        finally:
            api.close()


FIGURES: list[Figure[EmbeddingRun]] = [
    Figure(
        name=f"embeddings_vs_sentence_transformers_{shape}",
        unit="x",
        target=1.2,
        direction="at least",
        measure=partial(EmbeddingRun.speedup, shape=shape),
    )
    for shape in SHAPES
]
