"""POST /embeddings and /rerank."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

from hearth.conformance.server import Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect, has


def _embed(server: Server, **fields: Any) -> Any:  # Any: JSON
    return server.ask("/embeddings", {"model": server.subjects.embedding} | fields)


def _vectors(server: Server) -> None:
    body = _embed(server, input=["a cat", "a dog", "the stock market"])
    has(body, "object", "data", "model", "usage")
    indexes = [entry["index"] for entry in body["data"]]
    expect(indexes == [0, 1, 2], f"The entries are numbered {indexes}.")
    cat, dog, market = (entry["embedding"] for entry in body["data"])
    expect(_cosine(cat, dog) > _cosine(cat, market), "A cat is nearer to markets than to a dog.")


def _cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (math.hypot(*a) * math.hypot(*b))


def _base64(server: Server) -> None:
    plain = _embed(server, input="a cat")["data"][0]["embedding"]
    text = _embed(server, input="a cat", encoding_format="base64")["data"][0]["embedding"]
    data = base64.b64decode(text)
    decoded = struct.unpack(f"<{len(data) // 4}f", data)
    expect(len(decoded) == len(plain), f"{len(decoded)} numbers, not {len(plain)}.")
    off = max(abs(a - b) for a, b in zip(decoded, plain, strict=True))
    expect(off < 1e-4, f"base64 differs by {off}.")


def _dimensions(server: Server) -> None:
    entry = _embed(server, input="a cat", dimensions=64)["data"][0]
    expect(len(entry["embedding"]) == 64, f"{len(entry['embedding'])} numbers, not 64.")


def _rerank(server: Server) -> None:
    documents = ["The stock market fell.", "A cat sleeps on the sofa.", "Rain in Oslo."]
    body = {"model": server.subjects.rerank, "query": "pets", "documents": documents}
    answer = server.ask("/rerank", body | {"top_n": 2})
    ranked = answer.get("data") or answer.get("results")
    expect(len(ranked) == 2, f"{len(ranked)} results for top_n 2.")
    scores = [entry["relevance_score"] for entry in ranked]
    expect(scores == sorted(scores, reverse=True), f"Not the best first: {scores}.")
    expect(ranked[0]["index"] == 1, f"Document {ranked[0]['index']} is the best for 'pets'.")


CHECKS = [
    Check("embeddings", "vectors in order, near where meanings are", _vectors),
    Check("embeddings", "base64 holds the same little-endian floats", _base64),
    Check("embeddings", "dimensions", _dimensions),
    Check("rerank", "the best document first, top_n of them", _rerank),
]
