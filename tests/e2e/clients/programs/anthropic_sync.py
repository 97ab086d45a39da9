"""The `anthropic` package, used as its own documentation shows; prints what it got as JSON.

Call it with a base URL and a model; the key is in ANTHROPIC_API_KEY.
"""

import json
import sys

from anthropic import Anthropic, AuthenticationError, BadRequestError, NotFoundError

MODEL = sys.argv[2]
MESSAGES = [{"role": "user", "content": "What is a hearth?"}]
ASK = {"model": MODEL, "messages": MESSAGES, "max_tokens": 64, "extra_body": {"seed": 7}}
WEATHER = {
    "name": "weather",
    "description": "Tell the weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"enum": ["Ulm", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}

client = Anthropic(base_url=sys.argv[1], max_retries=0, timeout=50)


def plain():
    answer = client.messages.create(**ASK | {"max_tokens": 8}, system="Be brief.")
    return {
        "text": answer.content[0].text,
        "stop_reason": answer.stop_reason,
        "usage": answer.usage.to_dict(),
        "request_id": answer._request_id,
    }


def stream():
    ask = ASK | {"max_tokens": 8, "system": "Be brief."}
    raw = list(client.messages.create(**ask, stream=True))
    with client.messages.stream(**ask) as events:
        pieces = list(events.text_stream)
        final = events.get_final_message()
    return {
        "kinds": [event.type for event in raw],
        "text": "".join(pieces),
        "final": final.content[0].text,
        "stop_reason": final.stop_reason,
        "usage": final.usage.to_dict(),
    }


def stops():
    text = client.messages.create(**ASK).content[0].text
    stop = text[4:8]
    met = client.messages.create(**ASK, stop_sequences=["never", stop])
    missed = client.messages.create(**ASK, stop_sequences=["never"])
    with client.messages.stream(**ASK, stop_sequences=["never", stop]) as events:
        streamed = events.get_final_message()
    return {
        "before": text[: text.index(stop)],
        "stop": stop,
        "met": [met.stop_reason, met.stop_sequence, met.content[0].text],
        "streamed": [streamed.stop_reason, streamed.stop_sequence, streamed.content[0].text],
        "missed": [missed.stop_reason, missed.stop_sequence],
    }


def tools():
    ask = ASK | {"tools": [WEATHER], "tool_choice": {"type": "any"}}
    first = client.messages.create(**ask)
    with client.messages.stream(**ask) as events:
        streamed = events.get_final_message()
    calls = [block for block in first.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "Sun."} for call in calls]
    turns = [
        *MESSAGES,
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": results},
    ]
    second = client.messages.create(**ASK | {"tools": [WEATHER], "messages": turns})
    return {
        "names": [call.name for call in calls],
        "inputs": [call.input for call in calls],
        "stop_reason": first.stop_reason,
        "streamed": [block.input for block in streamed.content if block.type == "tool_use"],
        "after": [block.type for block in second.content],
    }


def thinking():
    first = client.messages.create(**ASK | THINKING)
    with client.messages.stream(**ASK | THINKING) as events:
        streamed = events.get_final_message()
    turns = [
        *MESSAGES,
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": "And?"},
    ]
    again = client.messages.create(**ASK | THINKING | {"messages": turns})
    return {
        "kinds": [block.type for block in first.content],
        "signed": bool(first.content[0].signature),
        "same": [block.to_dict() for block in streamed.content]
        == [block.to_dict() for block in first.content],
        "again": again.stop_reason,
    }


def errors():
    stranger = client.with_options(api_key="fw_wrong")
    ask = client.messages.create
    return {
        "key": fault(AuthenticationError, stranger.messages.create, **ASK),
        "model": fault(NotFoundError, ask, **ASK | {"model": "accounts/x/models/none"}),
        "field": fault(BadRequestError, ask, **ASK | {"max_tokens": 0}),
    }


def fault(kind, call, **options):
    try:
        call(**options)
    except kind as error:
        return {"body": error.body, "status": error.status_code, "request_id": error.request_id}


facts = [plain, stream, stops, tools, thinking, errors]
chosen = [fact for fact in facts if not sys.argv[3:] or fact.__name__ in sys.argv[3:]]
json.dump({fact.__name__: fact() for fact in chosen}, sys.stdout)
