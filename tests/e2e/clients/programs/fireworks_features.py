"""Tools, constraints, reasoning and log-probabilities by the `fireworks-ai` package; prints JSON.

Call it with a base URL; key and account are in FIREWORKS_API_KEY and FIREWORKS_ACCOUNT_ID.
"""

import asyncio
import json
import sys
import warnings

from fireworks import BadRequestError, Fireworks

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
MESSAGES = [{"role": "user", "content": "Is it warm in Rome?"}]
ASK = {"model": MODEL, "messages": MESSAGES, "max_tokens": 96, "seed": 7, "temperature": 0}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"enum": ["Paris", "Rome"]}, "is_warm": {"type": "boolean"}},
    "required": ["city", "is_warm"],
}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
CHOICE = {"type": "function", "function": {"name": "get_weather"}}

client = Fireworks(base_url=sys.argv[1], max_retries=0, timeout=50)
create = client.chat.completions.create


def tools():
    forced = create(**ASK, tools=TOOLS, tool_choice=CHOICE).choices[0]
    single = {"tools": TOOLS, "tool_choice": "any", "parallel_tool_calls": False}
    chunks = list(create(**ASK, **single, stream=True))
    pieces = [c for chunk in chunks for c in chunk.choices[0].delta.tool_calls or []]
    result = {"role": "tool", "content": "warm", "tool_call_id": forced.message.tool_calls[0].id}
    history = [*MESSAGES, forced.message.to_dict(), result]
    last = create(**ASK | {"messages": history}, tools=TOOLS, tool_choice="none").choices[0]
    return {
        "name": forced.message.tool_calls[0].function.name,
        "arguments": json.loads(forced.message.tool_calls[0].function.arguments),
        "finish_reason": forced.finish_reason,
        "streamed": json.loads("".join(piece.function.arguments or "" for piece in pieces)),
        "indices": [piece.index for piece in pieces],
        "stream_reason": chunks[-1].choices[0].finish_reason,
        "stream_has_usage": chunks[-1].usage is not None,
        "answer": last.message.content,
    }


def formats():
    grammar = 'root ::= "yes" | "no"'
    forms = {
        "schema": {"type": "json_schema", "json_schema": {"name": "R", "schema": SCHEMA}},
        "object": {"type": "json_object", "schema": SCHEMA},
        "grammar": {"type": "grammar", "grammar": grammar},
    }
    return {
        name: create(**ASK, response_format=form).choices[0].message.content
        for name, form in forms.items()
    }


def logprobs():
    chat = create(**ASK | {"max_tokens": 6}, logprobs=True, top_logprobs=3).choices[0]
    body = {"model": MODEL, "prompt": ["a", "b"], "n": 2, "logprobs": 2, "max_tokens": 3, "seed": 1}
    completions = client.completions.create(**body)
    echoed = client.completions.create(**body, echo=True)
    return {
        "tops": [len(entry.top_logprobs) for entry in chat.logprobs.content],
        "ids": [top.token_id for entry in chat.logprobs.content for top in entry.top_logprobs],
        "indices": [choice.index for choice in completions.choices],
        "lists": [choice.logprobs.to_dict() for choice in completions.choices],
        "texts": [choice.text for choice in completions.choices],
        "echoed": [choice.text for choice in echoed.choices],
        "first": [choice.logprobs.token_logprobs[0] for choice in echoed.choices],
    }


def reasoning():
    off = create(**ASK, reasoning_effort="none").choices[0].message
    on = create(**ASK | {"max_tokens": 200}, reasoning_effort="low").choices[0].message
    return {
        "off": getattr(off, "reasoning_content", None),
        "on": on.reasoning_content,
        "both": fault(create, **ASK, reasoning_effort="low", thinking={"type": "enabled"})[
            "message"
        ],
    }


def raw():
    asked = ASK | {"max_tokens": 4}
    choice = create(**asked, raw_output=True, return_token_ids=True).choices[0]
    shown = choice.raw_output
    return {
        "prompt_ids": shown.prompt_token_ids,
        "completion": shown.completion,
        "token_ids": choice.token_ids,
        "text": choice.message.content,
    }


def messages():
    body = {"model": MODEL, "max_tokens": 8, "messages": MESSAGES, "temperature": 0}
    answer = client.messages.create(**body)
    stream = client.messages.create(**body, stream=True)  # handed over as text, not as events
    frames = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
    return {
        "type": answer.type,
        "text": "".join(block.to_dict()["text"] for block in answer.content),
        "usage": answer.to_dict()["usage"],
        "stop_reason": answer.stop_reason,
        "streamed": "".join(frame.get("delta", {}).get("text", "") for frame in frames),
        "events": [frame["type"] for frame in frames],
    }


def older_names():
    """What programs written for the package before 1.0 still call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from fireworks.client import AsyncFireworks as OldAsync
        from fireworks.client import Fireworks as Old

        old = Old(base_url=sys.argv[1], max_retries=0, timeout=50)
        return {
            "text": old.chat.completions.create(**ASK).choices[0].message.content,
            "streamed": asyncio.run(read_acreate(OldAsync)),
        }


async def read_acreate(kind):
    async with kind(base_url=sys.argv[1], max_retries=0, timeout=50) as other:
        chunks = other.chat.completions.acreate(**ASK, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])


def fault(call, **options):
    try:
        call(**options)
    except BadRequestError as error:
        return error.body["error"]


facts = [tools, formats, logprobs, reasoning, raw, messages, older_names]
json.dump({fact.__name__: fact() for fact in facts}, sys.stdout)
