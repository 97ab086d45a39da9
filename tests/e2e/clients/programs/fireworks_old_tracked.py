"""The client objects of `fireworks.client` 0.19, counted by `hearth.client`; prints JSON.

FIREWORKS_API_BASE and FIREWORKS_API_KEY say where and with which key.
"""

import asyncio
import json
import sys

from fireworks.client import AsyncFireworks, Fireworks

from hearth.client import UsageTracker

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
MESSAGES = [{"role": "user", "content": "Say hi"}]
ASK = {"model": MODEL, "messages": MESSAGES, "max_tokens": 16}

tracker = UsageTracker(prices={MODEL: 1e-9})


def sync():
    chat = tracker.wrap(Fireworks()).chat.completions
    pieces = list(chat.create(MODEL, messages=MESSAGES, max_tokens=16, stream=True))
    return [chat.create(**ASK).usage, pieces[-1].usage]


async def asynchronous():
    chat = tracker.wrap(AsyncFireworks()).chat.completions
    pieces = [piece async for piece in chat.acreate(**ASK, stream=True)]
    return [(await chat.acreate(**ASK, stream=False)).usage, pieces[-1].usage]


usages = [*sync(), *asyncio.run(asynchronous())]
facts = {
    "counted": tracker.as_dict(),
    "prompt_tokens": sum(usage.prompt_tokens for usage in usages),
    "completion_tokens": sum(usage.completion_tokens for usage in usages),
}
json.dump(facts, sys.stdout)
