"""The `openai` package, used as its own documentation shows; prints what it got as JSON.

Call it with a base URL; the key is in OPENAI_API_KEY.
"""

import json
import sys

from openai import AuthenticationError, BadRequestError, NotFoundError, OpenAI

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
MESSAGES = [{"role": "user", "content": "What is a hearth?"}]
ASK = {"model": MODEL, "messages": MESSAGES, "max_tokens": 16, "seed": 7}

client = OpenAI(base_url=sys.argv[1], max_retries=0, timeout=30)


def chat():
    answer = client.chat.completions.create(**ASK)
    return answer.to_dict() | {"text": answer.choices[0].message.content}


def stream():
    chunks = list(
        client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})
    )
    choices = [choice for chunk in chunks for choice in chunk.choices]
    return {
        "text": "".join(choice.delta.content or "" for choice in choices),
        "num_pieces": sum(bool(choice.delta.content) for choice in choices),
        "roles": [choice.delta.role for choice in choices if choice.delta.role],
        "finish_reason": choices[-1].finish_reason,
        "usages": [chunk.usage.to_dict() for chunk in chunks if chunk.usage],
        "last_has_usage": chunks[-1].usage is not None,
    }


def extras():
    raw = client.chat.completions.with_raw_response.create(
        **ASK, extra_body={"top_k": 3, "perf_metrics_in_response": True}
    )
    answer = raw.parse()
    return {
        "sampling": json.loads(raw.headers["fireworks-sampling-options"]),
        "prompt_tokens": [raw.headers["fireworks-prompt-tokens"], answer.usage.prompt_tokens],
        "perf_metrics": answer.perf_metrics,
        "request_ids": [raw.request_id, answer.id],
    }


def completions():
    body = {"model": MODEL, "prompt": ["One", "Two"], "n": 2, "max_tokens": 4, "seed": 1}
    answer = client.completions.create(**body)
    chunks = list(client.completions.create(**body, stream=True))
    streamed = [""] * 4
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        streamed[choice.index] += choice.text
    return {
        "object": answer.object,
        "indices": [choice.index for choice in answer.choices],
        "texts": [choice.text for choice in answer.choices],
        "streamed": streamed,
    }


def models():
    listed = client.models.list()
    raw = client.models.with_raw_response.retrieve(MODEL)
    found = raw.parse()
    return {
        "ids": [model.id for model in listed],
        "path": raw.http_request.url.raw_path.decode(),
        "retrieved": found.to_dict(),
        "missing": fault(NotFoundError, client.models.retrieve, "accounts/x/models/none"),
    }


def errors():
    stranger = client.with_options(api_key="fw_wrong")
    ask = client.chat.completions.create
    return {
        "key": fault(AuthenticationError, stranger.chat.completions.create, **ASK),
        "key_of_list": fault(AuthenticationError, stranger.models.list),
        "model": fault(NotFoundError, ask, **ASK | {"model": "accounts/x/models/none"}),
        "field": fault(BadRequestError, ask, **ASK | {"temperature": 9}),
    }


def fault(kind, call, *args, **options):
    try:
        call(*args, **options)
    except kind as error:
        return {
            "message": error.body["message"],
            "code": error.code,
            "type": error.type,
            "param": error.param,
            "status": error.status_code,
            "request_id": error.request_id,
        }


facts = [chat, stream, extras, completions, models, errors]
json.dump({fact.__name__: fact() for fact in facts}, sys.stdout)
