"""Embeddings and reranking by unmodified clients, from the real small model."""

from __future__ import annotations

import math

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_node, run_python
from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth

Vector = list[float]


def cosine(one: Vector, other: Vector) -> float:
    """How alike two vectors are."""
    product = math.fsum(a * b for a, b in zip(one, other, strict=True))
    return product / math.hypot(*one) / math.hypot(*other)


def difference(one: list[Vector], other: list[Vector]) -> float:
    """The largest difference of any number."""
    pairs = zip(one, other, strict=True)
    return max(abs(a - b) for left, right in pairs for a, b in zip(left, right, strict=True))


def is_cut_from(short: list[Vector], whole: list[Vector]) -> bool:
    """Whether vectors are the first numbers of others, made as long as 1 again or not."""
    return all(
        len(cut) == 64 and cosine(cut, full[:64]) > 0.9999
        for cut, full in zip(short, whole, strict=True)
    )


@pytest.fixture(scope="module")
def facts(real_hearth: RunningHearth, openai_environment: Environment) -> Facts:
    base_url = f"{real_hearth.url}/inference/v1"
    return run_python(openai_environment, "openai_embeddings.py", base_url, **keys_of(real_hearth))


def test_texts_that_mean_alike_have_vectors_alike(facts: Facts) -> None:
    cat, dog, gold = facts["floats"]

    assert len(cat) == 384
    assert cosine(cat, dog) > 0.5 > cosine(cat, gold)
    assert facts["answer"]["indices"] == [0, 1, 2]
    assert facts["answer"]["usage"]["total_tokens"] > 0


def test_openai_gets_the_same_in_every_encoding_and_at_once(facts: Facts) -> None:
    assert difference(facts["base64"], facts["floats"]) < 1e-6
    assert difference(facts["asynchronous"], facts["floats"]) < 1e-5
    assert difference(facts["one"], facts["floats"][:1]) < 1e-5
    assert is_cut_from(facts["short"], facts["floats"])
    assert facts["fault"] == "input"


def test_openai_from_npm_gets_them_too(
    facts: Facts, real_hearth: RunningHearth, node_environment: Environment
) -> None:
    base_url = f"{real_hearth.url}/inference/v1"

    node = run_node(
        node_environment, "openai_node_embeddings.mjs", base_url, **keys_of(real_hearth)
    )

    assert difference(node["base64"], facts["floats"]) < 1e-6
    assert difference(node["floats"], facts["floats"]) < 1e-6
    assert is_cut_from(node["short"], facts["floats"])


@pytest.mark.slow
def test_the_old_client_embeds_and_ranks(
    facts: Facts, real_hearth: RunningHearth, old_fireworks_environment: Environment
) -> None:
    old = run_python(
        old_fireworks_environment,
        "fireworks_old_embeddings.py",
        **keys_of(real_hearth),
        FIREWORKS_API_BASE=f"{real_hearth.url}/inference/v1",
    )

    assert difference(old["vectors"], facts["floats"][:2]) < 1e-5
    assert old["total_tokens"] > 0
    assert old["ranks"][0] == 1
    assert old["scores"] == sorted(old["scores"], reverse=True)
