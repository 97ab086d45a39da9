"""`client.responses` of the `openai` package, used as its own documentation shows.

Call it with a base URL; the key is in OPENAI_API_KEY. Prints what it got as JSON.
"""

import json
import sys

from openai import BadRequestError, NotFoundError, OpenAI
from pydantic import BaseModel

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
ASK = {"model": MODEL, "input": "What is a hearth?", "extra_body": {"seed": 7}}
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Tell the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Ulm", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}

client = OpenAI(base_url=sys.argv[1], max_retries=0, timeout=30)


class Fire(BaseModel):
    """What an answer must hold."""

    burns: bool
    logs: int


def plain():
    answer = client.responses.create(**ASK, max_output_tokens=8, metadata={"a": "b"})
    return {
        "text": answer.output_text,
        "status": answer.status,
        "reason": answer.incomplete_details.reason,
        "metadata": answer.metadata,
        "usage": answer.usage.to_dict(),
    }


def stream():
    events = list(client.responses.create(**ASK, max_output_tokens=8, stream=True))
    return {
        "text": "".join(e.delta for e in events if e.type == "response.output_text.delta"),
        "kinds": [event.type for event in events],
        "classes": sorted({type(event).__name__ for event in events}),
        "final": events[-1].response.output_text,
        "usage": events[-1].response.usage.to_dict(),
    }


def accumulated():
    with client.responses.stream(**ASK) as events:
        pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
        final = events.get_final_response()
    return {"text": "".join(pieces), "final": final.output_text, "status": final.status}


def conversation():
    first = client.responses.create(**ASK)
    second = client.responses.create(**ASK | {"input": "And then?"}, previous_response_id=first.id)
    told = [
        {"role": "user", "content": ASK["input"]},
        *[item.to_dict() for item in first.output],
        {"role": "user", "content": "And then?"},
    ]
    return {
        "text": second.output_text,
        "told": client.responses.create(**ASK | {"input": told}).output_text,
        "previous": second.previous_response_id == first.id,
    }


def tools():
    ask = ASK | {"tools": [WEATHER], "tool_choice": "required"}
    first = client.responses.create(**ask)
    calls = [item for item in first.output if item.type == "function_call"]
    events = list(client.responses.create(**ask, stream=True))
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": "Sun."}
        for call in calls
    ]
    asked = {"tools": [WEATHER], "tool_choice": "none"}
    second = client.responses.create(
        **ASK | asked | {"input": results}, previous_response_id=first.id
    )
    told = [{"role": "user", "content": ASK["input"]}, *first.output, *results]
    return {
        "names": [call.name for call in calls],
        "arguments": [json.loads(call.arguments) for call in calls],
        "streamed": [
            json.loads(event.arguments)
            for event in events
            if event.type == "response.function_call_arguments.done"
        ],
        "deltas": "".join(
            e.delta for e in events if e.type == "response.function_call_arguments.delta"
        ),
        "after": second.output_text,
        "told": client.responses.create(**ASK | asked | {"input": told}).output_text,
    }


def parsed():
    answer = client.responses.parse(**ASK, text_format=Fire)
    return {"burns": answer.output_parsed.burns, "logs": answer.output_parsed.logs}


def reasoning():
    answer = client.responses.create(**ASK, reasoning={"effort": "low"})
    events = list(client.responses.create(**ASK, reasoning={"effort": "low"}, stream=True))
    thoughts = [item for item in answer.output if item.type == "reasoning"]
    return {
        "thoughts": [part.text for item in thoughts for part in item.content],
        "streamed": "".join(e.delta for e in events if e.type == "response.reasoning_text.delta"),
        "text": answer.output_text,
        "tokens": answer.usage.output_tokens_details.reasoning_tokens,
    }


def kept():
    answer = client.responses.create(**ASK)
    found = client.responses.retrieve(answer.id)
    client.responses.delete(answer.id)
    return {
        "same": found.to_dict() == answer.to_dict(),
        "gone": fault(NotFoundError, client.responses.retrieve, answer.id),
        "field": fault(BadRequestError, client.responses.create, **ASK, max_tool_calls=2),
    }


def fault(kind, call, *args, **options):
    try:
        call(*args, **options)
    except kind as error:
        return {"status": error.status_code, "code": error.code, "param": error.param}


facts = [plain, stream, accumulated, conversation, tools, parsed, reasoning, kept]
json.dump({fact.__name__: fact() for fact in facts}, sys.stdout)
