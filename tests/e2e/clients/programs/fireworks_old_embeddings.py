"""Embeddings and reranking by `fireworks.client` 0.19; prints JSON.

FIREWORKS_API_BASE and FIREWORKS_API_KEY say where and with which key.
"""

import contextlib
import json
import sys

from fireworks.client import Embedding, Rerank

MODEL = "accounts/fireworks/models/all-minilm-l6-v2"
DOCUMENTS = ["Cats purr.", "Paris is the capital of France.", "Stocks fell."]

made = Embedding.create(model=MODEL, input=["a cat", "a dog"])
with contextlib.redirect_stdout(sys.stderr):  # this call prints what it sends
    ranked = Rerank.create(
        model="accounts/fireworks/models/qwen3-reranker-8b",
        query="What is the capital of France?",
        documents=DOCUMENTS,
    )
facts = {
    "vectors": [each.embedding for each in made.data],
    "total_tokens": made.usage.total_tokens,
    "ranks": [each.index for each in ranked.results],
    "scores": [each.relevance_score for each in ranked.results],
}
json.dump(facts, sys.stdout)
