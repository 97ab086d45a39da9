"""Tools, structured answers and log-probabilities by the `openai` package; prints JSON.

Call it with a base URL; the key is in OPENAI_API_KEY.
"""

import json
import sys
from typing import Literal

from openai import BadRequestError, OpenAI, pydantic_function_tool
from pydantic import BaseModel

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
QUESTION = {"role": "user", "content": "What is the weather in Paris, and then in Rome?"}
ASK = {"model": MODEL, "max_tokens": 96, "temperature": 0, "seed": 7}

client = OpenAI(base_url=sys.argv[1], max_retries=0, timeout=50)


class GetWeather(BaseModel):
    """The weather of a city."""

    city: Literal["Paris", "Rome"]
    unit: Literal["celsius", "fahrenheit"]


class Report(BaseModel):
    city: Literal["Paris", "Rome"]
    sky: Literal["clear", "cloudy", "rain"]
    is_warm: bool


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }
]
CHOICE = {"type": "function", "function": {"name": "get_weather"}}


def whole(messages, **options):
    return client.chat.completions.create(**ASK, messages=messages, **options).choices[0]


def streamed(messages, **options):
    """The same through the package's own reader of streams."""
    with client.chat.completions.stream(**ASK, messages=messages, **options) as events:
        for _ in events:
            pass
        return events.get_final_completion().choices[0]


def run_tools(ask):
    """Call a tool twice, then answer in words: what a program with tools does."""
    messages, reasons, calls = [QUESTION], [], []
    for _ in range(2):
        choice = ask(messages, tools=TOOLS, tool_choice=CHOICE)
        reasons.append(choice.finish_reason)
        messages.append(choice.message.to_dict())
        for call in choice.message.tool_calls:
            arguments = json.loads(call.function.arguments)
            calls.append({"id": call.id, "name": call.function.name, "arguments": arguments})
            result = json.dumps({"city": arguments["city"], "sky": "clear"})
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    last = ask(messages, tools=TOOLS, tool_choice="none")
    reasons.append(last.finish_reason)
    return {"reasons": reasons, "calls": calls, "answer": last.message.content}


def tools():
    return {"whole": run_tools(whole), "streamed": run_tools(streamed)}


def tool_deltas():
    """What a reader of single pieces sees."""
    options = {"tools": TOOLS, "tool_choice": CHOICE, "stream": True}
    chunks = list(client.chat.completions.create(**ASK, messages=[QUESTION], **options))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    calls = [call for choice in choices for call in choice.delta.tool_calls or []]
    return {
        "indices": [call.index for call in calls],
        "ids": [call.id for call in calls if call.id],
        "names": [call.function.name for call in calls if call.function.name],
        "first": calls[0].to_dict(),
        "arguments": "".join(call.function.arguments or "" for call in calls),
        "reasons": [choice.finish_reason for choice in choices if choice.finish_reason],
    }


def parse():
    asked = [{"role": "user", "content": "It is warm and clear in Rome. Report as JSON."}]
    parsed = client.chat.completions.parse(**ASK, messages=asked, response_format=Report)
    beta = client.beta.chat.completions.parse(**ASK, messages=asked, response_format=Report)
    with client.chat.completions.stream(**ASK, messages=asked, response_format=Report) as events:
        kinds = [event.type for event in events]
        final = events.get_final_completion()
    tool = client.chat.completions.parse(
        **ASK,
        messages=asked,
        tools=[pydantic_function_tool(GetWeather)],
        tool_choice="required",
        parallel_tool_calls=False,
    )
    call = tool.choices[0].message.tool_calls[0].function
    return {
        "parsed": parsed.choices[0].message.parsed.model_dump(),
        "beta": beta.choices[0].message.parsed.model_dump(),
        "streamed": final.choices[0].message.parsed.model_dump(),
        "kinds": sorted(set(kinds)),
        "tool": {"name": call.name, "arguments": call.parsed_arguments.model_dump()},
        "any_object": json.loads(
            whole(
                [{"role": "user", "content": 'Answer with {"a": 1}'}],
                response_format={"type": "json_object", "schema": Report.model_json_schema()},
            ).message.content
        ),
    }


def logprobs():
    asked = [{"role": "user", "content": "Say hi"}]
    options = {"messages": asked, "logprobs": True, "top_logprobs": 3}
    body = ASK | {"max_tokens": 8}
    answer = client.chat.completions.create(**body, **options)
    chunks = list(client.chat.completions.create(**body, **options, stream=True))
    pieces = [
        entry
        for chunk in chunks
        for choice in chunk.choices
        if choice.logprobs
        for entry in choice.logprobs.content
    ]
    content = answer.choices[0].logprobs.content
    completion = client.completions.create(**body, prompt="Once upon", logprobs=2).choices[0]
    return {
        "text": answer.choices[0].message.content,
        "tokens": [entry.token for entry in content],
        "bytes": [entry.bytes for entry in content],
        "values": [entry.logprob for entry in content],
        "tops": [[top.logprob for top in entry.top_logprobs] for entry in content],
        "top_tokens": [[top.token for top in entry.top_logprobs] for entry in content],
        "streamed": [entry.token for entry in pieces],
        "completion": {"text": completion.text} | completion.logprobs.to_dict(),
    }


def refusals():
    schema = {"type": "object", "properties": {"a": {"type": "no-such-type"}}}
    form = {"type": "json_schema", "json_schema": {"name": "r", "schema": schema}}
    unknown = {"type": "function", "function": {"name": "nothing"}}
    return {
        "schema": fault(response_format=form),
        "choice": fault(tools=TOOLS, tool_choice=unknown),
        "top": fault(logprobs=True, top_logprobs=99),
    }


def fault(**options):
    try:
        client.chat.completions.create(**ASK, messages=[QUESTION], **options)
    except BadRequestError as error:
        return {"param": error.param, "message": error.body["message"]}


facts = [tools, tool_deltas, parse, logprobs, refusals]
json.dump({fact.__name__: fact() for fact in facts}, sys.stdout)
