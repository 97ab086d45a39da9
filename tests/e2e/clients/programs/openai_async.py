"""The asynchronous client of the `openai` package, ten requests at once; prints JSON."""

import asyncio
import json
import sys

from openai import AsyncOpenAI

ASK = {
    "model": "accounts/fireworks/models/llama-v3p1-8b-instruct",
    "messages": [{"role": "user", "content": "What is a hearth?"}],
    "max_tokens": 16,
}


async def stream(client, seed):
    async with await client.chat.completions.create(**ASK, seed=seed, stream=True) as chunks:
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])


async def chat(client, seed):
    answer = await client.chat.completions.create(**ASK, seed=seed)
    return answer.choices[0].message.content


async def main():
    async with AsyncOpenAI(max_retries=0, timeout=30) as client:
        whole = await asyncio.gather(*(chat(client, seed) for seed in range(5)))
        streamed = await asyncio.gather(*(stream(client, seed) for seed in range(5)))
        return {
            "whole": whole,
            "streamed": streamed,
            "models": [model.id async for model in client.models.list()],
        }


json.dump(asyncio.run(main()), sys.stdout)
