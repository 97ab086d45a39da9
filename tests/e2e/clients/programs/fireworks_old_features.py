"""Tools, structured answers and log-probabilities by `fireworks.client` 0.19; prints JSON.

FIREWORKS_API_BASE and FIREWORKS_API_KEY say where and with which key.
"""

import json
import sys

import fireworks.client
from fireworks.client.error import InvalidRequestError

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
MESSAGES = [{"role": "user", "content": "Is it warm in Rome?"}]
ASK = {"model": MODEL, "messages": MESSAGES, "max_tokens": 96, "temperature": 0}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"enum": ["Paris", "Rome"]}, "is_warm": {"type": "boolean"}},
    "required": ["city", "is_warm"],
}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
CHOICE = {"type": "function", "function": {"name": "get_weather"}}

create = fireworks.client.ChatCompletion.create


def tools():
    choice = create(**ASK, tools=TOOLS, tool_choice=CHOICE).choices[0]
    call = choice.message.tool_calls[0]
    chunks = list(create(**ASK, tools=TOOLS, tool_choice=CHOICE, stream=True))
    pieces = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or []]
    result = {"role": "tool", "content": "warm", "tool_call_id": call.id}
    made = choice.message.model_dump(exclude_none=True)
    last = create(**ASK | {"messages": [*MESSAGES, made, result]}, tools=TOOLS, tool_choice="none")
    return {
        "name": call.function.name,
        "arguments": json.loads(call.function.arguments),
        "streamed": json.loads("".join(piece.function.arguments or "" for piece in pieces)),
        "answer": last.choices[0].message.content,
    }


def formats():
    forms = {
        "object": {"type": "json_object", "schema": json.dumps(SCHEMA)},
        "grammar": {"type": "grammar", "grammar": 'root ::= "yes" | "no"'},
    }
    return {
        name: create(**ASK, response_format=form).choices[0].message.content
        for name, form in forms.items()
    }


def logprobs():
    body = {"model": MODEL, "prompt": "Once", "max_tokens": 3, "logprobs": 2}
    return fireworks.client.Completion.create(**body).choices[0].logprobs.model_dump()


def refused():
    try:
        create(**ASK, response_format={"type": "grammar", "grammar": "root ::= ("})
    except InvalidRequestError as error:
        return str(error)


facts = [tools, formats, logprobs, refused]
json.dump({fact.__name__: fact() for fact in facts}, sys.stdout)
