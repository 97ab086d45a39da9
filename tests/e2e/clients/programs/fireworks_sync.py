"""The `fireworks-ai` package, used as its own documentation shows; prints what it got as JSON.

Call it with a base URL; key and account are in FIREWORKS_API_KEY and FIREWORKS_ACCOUNT_ID.
"""

import json
import sys

from fireworks import AuthenticationError, BadRequestError, Fireworks, NotFoundError

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
MESSAGES = [{"role": "user", "content": "Say hi"}]
ASK = {"model": MODEL, "messages": MESSAGES, "max_tokens": 16, "seed": 7}

client = Fireworks(base_url=sys.argv[1], max_retries=0, timeout=30)


def chat():
    answer = client.chat.completions.create(**ASK)
    return answer.to_dict() | {"text": answer.choices[0].message.content}


def stream():
    chunks = list(client.chat.completions.create(**ASK, stream=True))
    return {
        "text": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
        "num_pieces": sum(bool(chunk.choices[0].delta.content) for chunk in chunks),
        "objects": sorted({chunk.object for chunk in chunks}),
        "finish_reason": chunks[-1].choices[0].finish_reason,
        "usages": [chunk.usage and chunk.usage.to_dict() for chunk in chunks],
    }


def completions():
    body = {"model": MODEL, "prompt": "Once", "max_tokens": 8, "seed": 3}
    chunks = list(client.completions.create(**body, stream=True))
    return {
        "text": client.completions.create(**body).choices[0].text,
        "streamed": "".join(chunk.choices[0].text or "" for chunk in chunks),
        "usages": [chunk.usage and chunk.usage.to_dict() for chunk in chunks],
    }


def figures():
    raw = client.chat.completions.with_raw_response.create(**ASK, perf_metrics_in_response=True)
    answer = raw.parse()
    return {
        "perf_metrics": answer.perf_metrics,
        "header": raw.headers["fireworks-prompt-tokens"],
        "usage": answer.usage.to_dict(),
    }


def models():
    listed = list(client.models.list(account_id="fireworks", page_size=2))
    found = client.models.get("llama-v3p1-8b-instruct", account_id="fireworks")
    return {
        "names": [model.name for model in listed],
        "found": found.to_dict(mode="json"),
        "own": [model.name for model in client.models.list()],
        "missing": fault(NotFoundError, client.models.get, "none"),
    }


def errors():
    stranger = client.with_options(api_key="fw_wrong")
    ask = client.chat.completions.create
    completion = stranger.completions.create
    return {
        "key": fault(AuthenticationError, completion, model=MODEL, prompt="x"),
        "key_of_accounts": fault(AuthenticationError, stranger.accounts.list),
        "model": fault(NotFoundError, ask, **ASK | {"model": "accounts/x/models/none"}),
        "field": fault(BadRequestError, ask, **ASK | {"temperature": 9}),
        "account": fault(NotFoundError, client.accounts.get, account_id="nobody"),
    }


def accounts():
    account = client.accounts.get()
    return {
        "got": account.to_dict(mode="json"),
        "listed": [account.name for account in client.accounts.list()],
    }


def users():
    """Make a user and a key, use the key, end it; nothing else in the account is touched."""
    made = client.users.create(role="user", display_name="Ann", email="ann@example.com")
    user_id = made.name.rsplit("/", 1)[1]
    changed = client.users.update(user_id, role="contributor", display_name="Ann B.")
    key = client.api_keys.create(user_id, api_key={"display_name": "t"})
    own = client.with_options(api_key=key.key)
    listed = [each.to_dict(mode="json") for each in client.api_keys.list(user_id)]
    answer = own.chat.completions.create(**ASK).choices[0].message.content
    client.api_keys.delete(user_id, key_id=key.key_id)
    return {
        "made": made.to_dict(mode="json"),
        "got": client.users.get(user_id).to_dict(mode="json"),
        "changed": changed.to_dict(mode="json"),
        "listed": [user.name for user in client.users.list(page_size=1)],
        "key": {"key_id": key.key_id, "key": key.key, "prefix": key.prefix},
        "keys": listed,
        "answer": answer,
        "ended": fault(AuthenticationError, own.chat.completions.create, **ASK),
    }


def fault(kind, call, *args, **options):
    try:
        call(*args, **options)
    except kind as error:
        return {
            "body": error.body,
            "status": error.status_code,
            "request_id": error.response.headers["x-request-id"],
        }


facts = [chat, stream, completions, figures, models, errors, accounts, users]
json.dump({fact.__name__: fact() for fact in facts}, sys.stdout)
