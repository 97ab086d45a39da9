"""Tools and structured answers by the asynchronous client of the `openai` package, at once."""

import asyncio
import json
import sys
from typing import Literal

from openai import AsyncOpenAI
from pydantic import BaseModel

ASK = {
    "model": "accounts/fireworks/models/llama-v3p1-8b-instruct",
    "messages": [{"role": "user", "content": "Is it warm in Rome?"}],
    "max_tokens": 96,
    "temperature": 0,
    "seed": 7,
}


class Answer(BaseModel):
    city: Literal["Paris", "Rome"]
    is_warm: bool


TOOL = {
    "type": "function",
    "function": {"name": "answer", "parameters": Answer.model_json_schema()},
}


async def parse(client):
    answer = await client.chat.completions.parse(**ASK, response_format=Answer)
    return answer.choices[0].message.parsed.model_dump()


async def stream_parse(client):
    async with client.chat.completions.stream(**ASK, response_format=Answer) as events:
        final = await events.get_final_completion()
    return final.choices[0].message.parsed.model_dump()


CALL = {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False}


async def call(client):
    answer = await client.chat.completions.create(**ASK, **CALL)
    return json.loads(answer.choices[0].message.tool_calls[0].function.arguments)


async def stream_call(client):
    async with client.chat.completions.stream(**ASK, **CALL) as events:
        final = await events.get_final_completion()
    return json.loads(final.choices[0].message.tool_calls[0].function.arguments)


async def main():
    async with AsyncOpenAI(base_url=sys.argv[1], max_retries=0, timeout=50) as client:
        facts = [parse, stream_parse, call, stream_call]
        found = await asyncio.gather(*(fact(client) for fact in facts))
        return {fact.__name__: result for fact, result in zip(facts, found, strict=True)}


json.dump(asyncio.run(main()), sys.stdout)
