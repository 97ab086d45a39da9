"""The clients of `fireworks-ai`, counted and measured by `hearth.client`; prints JSON.

Call it with a base URL; key and account are in FIREWORKS_API_KEY and FIREWORKS_ACCOUNT_ID.
"""

import asyncio
import json
import sys

from fireworks import AsyncFireworks, Fireworks, NotFoundError

from hearth.client import PerformanceMonitor, UsageTracker

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
MESSAGES = [{"role": "user", "content": "Say hi"}]
ASK = {"model": MODEL, "messages": MESSAGES, "max_tokens": 16, "seed": 7}
PROMPT = {"model": MODEL, "prompt": "Once", "max_tokens": 8, "seed": 3}
OPTIONS = {"base_url": sys.argv[1], "max_retries": 0, "timeout": 30}


def start():
    return UsageTracker(prices={MODEL: 0.20 / 1_000_000}), PerformanceMonitor()


def found(tracker, monitor, usages, client):
    used = [usage.to_dict() for usage in usages]
    return {
        "counted": tracker.as_dict(),
        "prompt_tokens": sum(usage["prompt_tokens"] for usage in used),
        "completion_tokens": sum(usage["completion_tokens"] for usage in used),
        "first_tokens": [each.first_token_s is not None for each in monitor.measurements],
        "errors": [each.error for each in monitor.measurements],
        "kind": client.__class__.__name__,
    }


def sync():
    tracker, monitor = start()
    with monitor.wrap(tracker.wrap(Fireworks(**OPTIONS))) as client:
        usages = [
            client.chat.completions.create(**ASK).usage,
            list(client.chat.completions.create(**ASK, stream=True))[-1].usage,
            client.completions.create(**PROMPT).usage,
            list(client.completions.create(**PROMPT, stream=True))[-1].usage,
            client.chat.completions.with_raw_response.create(**ASK).parse().usage,
        ]
        try:
            client.chat.completions.create(**ASK | {"model": "no-such-model"})
        except NotFoundError:
            return found(tracker, monitor, usages, client)


async def asynchronous():
    tracker, monitor = start()
    async with monitor.wrap(tracker.wrap(AsyncFireworks(**OPTIONS))) as client:
        usages = [(await client.chat.completions.create(**ASK)).usage]
        async with await client.chat.completions.create(**ASK, stream=True) as stream:
            usages.append([piece async for piece in stream][-1].usage)
        usages.append((await client.completions.create(**PROMPT)).usage)
        stream = await client.completions.create(**PROMPT, stream=True)
        usages.append([piece async for piece in stream][-1].usage)
        raw = await client.chat.completions.with_raw_response.create(**ASK)
        usages.append((await raw.parse()).usage)
        try:
            await client.chat.completions.create(**ASK | {"model": "no-such-model"})
        except NotFoundError:
            return found(tracker, monitor, usages, client)


json.dump({"sync": sync(), "async": asyncio.run(asynchronous())}, sys.stdout)
