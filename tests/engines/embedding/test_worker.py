"""The engine for embeddings behind a real worker process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from hearth.engines.protocol import EmbedRequest, Vectors
from tests.engines.embedding.reference import TOLERANCE, decoded, minilm_folder, reference
from tests.engines.worker_process import Client, Worker, ask, fake_spec, running_worker


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    path = minilm_folder() / "model.safetensors"
    spec = fake_spec(tmp_path, engine="embedding", path=str(path), threads=2)
    async with running_worker(spec) as running:
        assert not running.ready.error
        yield running


@pytest.fixture
async def client(worker: Worker) -> Client:
    return await worker.connect()


async def vectors(client: Client, request: EmbedRequest) -> Vectors:
    reply = await client.run(request)
    assert reply.failure is None, reply.failure
    more = reply.deltas[-1].more
    assert more is not None
    assert more.vectors is not None
    return more.vectors


async def test_vectors_equal_those_of_sentence_transformers(client: Client) -> None:
    texts, expected = reference()

    made = await vectors(client, EmbedRequest(texts=texts, form="base64"))

    got = np.stack([decoded(msgspec.json.decode(each)) for each in made.encoded])
    assert np.abs(got - expected).max() < TOLERANCE
    assert made.truncated == [texts.index(max(texts, key=len))]


async def test_a_vector_does_not_depend_on_its_company(client: Client) -> None:
    texts, _ = reference()

    together = await vectors(client, EmbedRequest(texts=texts * 20))
    alone = await vectors(client, EmbedRequest(texts=[texts[0]]))

    rows = [np.array(msgspec.json.decode(each)) for each in together.encoded[:: len(texts)]]
    assert len(rows) == 20
    one = np.array(msgspec.json.decode(alone.encoded[0]))
    assert all(np.abs(row - one).max() < TOLERANCE for row in rows)


async def test_token_ids_mean_what_their_text_means(client: Client) -> None:
    a_cat = [1037, 4937]  # in the vocabulary of BERT, uncased
    framed = [101, *a_cat, 102]

    ids = await vectors(client, EmbedRequest(token_ids=[a_cat, framed]))
    text = await vectors(client, EmbedRequest(texts=["A cat"]))

    assert ids.encoded[0] == ids.encoded[1]
    difference = [
        abs(a - b)
        for a, b in zip(
            msgspec.json.decode(ids.encoded[0]), msgspec.json.decode(text.encoded[0]), strict=True
        )
    ]
    assert max(difference) < TOLERANCE


async def test_a_cut_vector_has_length_1_again(client: Client) -> None:
    whole = await vectors(client, EmbedRequest(texts=["a cat"]))
    short = await vectors(client, EmbedRequest(texts=["a cat"], dimensions=64))

    full = np.array(msgspec.json.decode(whole.encoded[0]))
    cut = np.array(msgspec.json.decode(short.encoded[0]))
    assert len(cut) == 64
    assert np.abs(cut - full[:64] / np.linalg.norm(full[:64])).max() < TOLERANCE


async def test_scores_put_the_fitting_text_first(client: Client) -> None:
    texts = ["Cats purr.", "Paris is the capital of France.", "Stocks fell."]

    made = await vectors(client, EmbedRequest(texts=texts, query="What is France's capital?"))

    assert made.encoded == []
    assert max(made.scores) == made.scores[1]
    assert 0.5 < made.scores[1] <= 1


async def test_the_count_is_of_tokens_read(client: Client) -> None:
    reply = await client.run(EmbedRequest(texts=["a cat", "a cat sat"]))

    usage = reply.usage
    assert usage is not None
    assert usage.prompt_tokens == (2 + 2) + (3 + 2)
    assert usage.completion_tokens == 0


async def test_a_small_request_does_not_wait_for_a_large_one(client: Client) -> None:
    texts, _ = reference()
    large = client.generate(EmbedRequest(texts=texts * 100))
    await client.begun(large)

    await vectors(client, EmbedRequest(texts=["a cat"]))

    assert not client.reply(large).is_over


async def test_a_cancelled_request_ends_with_what_it_has_used(client: Client) -> None:
    texts, _ = reference()
    request = client.generate(EmbedRequest(texts=texts * 100))
    so_far = (await client.begun(request)).deltas[0].prompt

    client.cancel(request)
    reply = await client.over(request)

    assert so_far is not None
    assert reply.usage is not None
    assert reply.finish() == "cancelled"
    assert 0 < so_far.prompt_tokens <= reply.usage.prompt_tokens
    assert (await client.stats()).running == 0


REFUSED = {
    "dimensions": EmbedRequest(texts=["a"], dimensions=385),
    "input[7]": EmbedRequest(token_ids=[[1], [30522]], first=6),
    "prompt_template": EmbedRequest(fields=[{"a": 1}], template="{% if %}"),
    "input": EmbedRequest(fields=[{"a": 1}], template="{{ b }}", first=None),
    "input[2]": EmbedRequest(texts=["a", "a", "a " * 300], overflow="error"),
    "input[0]": EmbedRequest(
        fields=[{"a": 1}], template="{% for i in range(9**9) %}{{ a }}{% endfor %}"
    ),
}


@pytest.mark.parametrize("param", REFUSED)
async def test_what_cannot_be_done_is_refused_by_name(client: Client, param: str) -> None:
    reply = await client.run(REFUSED[param])

    assert reply.failure is not None
    assert (reply.failure.kind, reply.failure.param) == ("invalid", param)


async def test_it_writes_no_text(client: Client) -> None:
    failure = (await client.run(ask())).failure

    assert failure is not None
    assert (failure.kind, failure.param) == ("invalid", "model")


async def test_a_text_engine_makes_no_vectors(tmp_path: Path) -> None:
    async with running_worker(fake_spec(tmp_path)) as worker:
        client = await worker.connect()
        failure = (await client.run(EmbedRequest(texts=["a"]))).failure

    assert failure is not None
    assert (failure.kind, failure.param) == ("invalid", "model")
