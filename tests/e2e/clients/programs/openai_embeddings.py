"""Embeddings by the `openai` package, which asks for base64 unless told otherwise; prints JSON.

Call it with a base URL; the key is in OPENAI_API_KEY.
"""

import asyncio
import json
import sys

from openai import AsyncOpenAI, BadRequestError, OpenAI

MODEL = "accounts/fireworks/models/all-minilm-l6-v2"
TEXTS = ["a cat", "a dog", "the price of gold"]

client = OpenAI(base_url=sys.argv[1], max_retries=0, timeout=50)


def vectors(**options):
    answer = client.embeddings.create(model=MODEL, **{"input": TEXTS} | options)
    return [each.embedding for each in answer.data]


def answer():
    made = client.embeddings.create(model=MODEL, input=TEXTS)
    return {
        "model": made.model,
        "indices": [each.index for each in made.data],
        "usage": made.usage.to_dict(),
    }


async def ask_at_once():
    async with AsyncOpenAI(base_url=sys.argv[1], max_retries=0, timeout=50) as other:
        asked = [other.embeddings.create(model=MODEL, input=text) for text in TEXTS]
        return [each.data[0].embedding for each in await asyncio.gather(*asked)]


def fault():
    try:
        client.embeddings.create(model=MODEL, input=[])
    except BadRequestError as error:
        return error.param


facts = {
    "answer": answer(),
    "base64": vectors(),
    "floats": vectors(encoding_format="float"),
    "one": vectors(input=TEXTS[0]),
    "short": vectors(dimensions=64),
    "asynchronous": asyncio.run(ask_at_once()),
    "fault": fault(),
}
json.dump(facts, sys.stdout)
