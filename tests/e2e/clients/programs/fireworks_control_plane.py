"""Accounts, users, keys and secrets with the `fireworks-ai` package; prints what it got as JSON.

Call it with a base URL; key and account are in FIREWORKS_API_KEY and FIREWORKS_ACCOUNT_ID.
"""

import asyncio
import json
import sys
from uuid import uuid4

from fireworks import APIStatusError, AsyncFireworks, DefaultHttpxClient, Fireworks

ASK = {
    "model": "accounts/fireworks/models/llama-v3p1-8b-instruct",
    "messages": [{"role": "user", "content": "Say hi"}],
    "max_tokens": 4,
}
RUN = uuid4().hex[:8]
sent = []  # every request, also those that are tries again

client = Fireworks(
    base_url=sys.argv[1],
    timeout=30,
    http_client=DefaultHttpxClient(event_hooks={"request": [sent.append]}),
)
account = f"accounts/{client.account_id}"


def plain(resource):
    return json.loads(resource.to_json())


def failure(call, *arguments, **options):
    before = len(sent)
    try:
        call(*arguments, **options)
    except APIStatusError as error:
        return {
            "kind": type(error).__name__,
            "status": error.status_code,
            "body": error.body,
            "num_requests": len(sent) - before,
            "retry": error.response.headers.get("x-should-retry"),
        }


def accounts():
    raw = client.accounts.with_raw_response.get(account_id=client.account_id)
    return {
        "got": plain(raw.parse()),
        "masked": plain(client.accounts.get(read_mask="name,state")),
        "listed": [plain(each) for each in client.accounts.list(filter='state="READY"')],
        "none": [plain(each) for each in client.accounts.list(filter='state="DELETING"')],
        "request_id": raw.headers["x-request-id"],
        "other": failure(client.accounts.get, account_id="nobody"),
    }


def users():
    user_id = f"ann-{RUN}"
    made = client.users.create(
        role="user", user_id=user_id, email="a@b.c", display_name="Ann", service_account=False
    )
    changed = client.users.update(user_id, role="user", display_name="Ann B.")
    for number in range(4):
        client.users.create(role="inference-user", user_id=f"page-{RUN}-{number}")
    pages = client.users.list(page_size=2, filter=f'name:"page-{RUN}"', order_by="name desc")
    return {
        "made": plain(made),
        "changed": plain(changed),
        "got": plain(client.users.get(user_id)),
        "first_page": {
            "names": [each.name for each in pages.users],
            "total": plain(pages)["totalSize"],
        },
        "pages": [each.name for each in pages],
        "taken": failure(client.users.create, role="user", user_id=user_id),
        "role": failure(client.users.create, role="king", user_id=f"king-{RUN}"),
        "stale": failure(
            client.users.update, user_id, role="user", display_name="C", extra_body={"etag": "0"}
        ),
        "missing": failure(client.users.get, "nobody"),
    }


def api_keys():
    user_id = f"keys-{RUN}"
    client.users.create(role="inference-user", user_id=user_id)
    key = client.api_keys.create(
        user_id, api_key={"display_name": "t", "expire_time": "2099-01-01T00:00:00Z"}
    )
    for number in range(4):
        client.api_keys.create(user_id, api_key={"display_name": f"k{number}"})
    own = client.with_options(api_key=key.key)
    answer = own.chat.completions.create(**ASK)
    denied = [
        failure(own.deployments.create, base_model=ASK["model"], deployment_id=f"denied-{RUN}"),
        failure(own.secrets.create, key_name="D", name=f"{account}/secrets/D", value="x"),
        failure(own.users.create, role="admin", user_id=f"denied-{RUN}"),
    ]
    pages = client.api_keys.list(user_id, page_size=2, order_by="display_name desc")
    listed = [plain(each) for each in pages]
    deleted = client.api_keys.delete(user_id, key_id=key.key_id)
    return {
        "key": plain(key),
        "finish_reason": answer.choices[0].finish_reason,
        "denied": denied,
        "listed": listed,
        "filtered": [
            each.display_name for each in client.api_keys.list(user_id, filter='display_name="k2"')
        ],
        "deleted": deleted,
        "ended": failure(own.chat.completions.create, **ASK),
        "twice": failure(client.api_keys.delete, user_id, key_id=key.key_id),
    }


def secrets():
    secret_id = f"KEY_{RUN}"
    name = f"{account}/secrets/{secret_id}"
    made = client.secrets.create(key_name=secret_id, name=name, value="hunter2")
    changed = client.secrets.update(secret_id, key_name="OTHER", value="hunter3")
    for number in range(4):
        each = f"PAGE_{RUN}_{number}"
        client.secrets.create(key_name=each, name=f"{account}/secrets/{each}", value="x")
    listed = client.secrets.list(page_size=2, filter=f'key_name:"PAGE_{RUN}"', order_by="name desc")
    facts = {
        "name": name,
        "made": plain(made),
        "got": plain(client.secrets.get(secret_id)),
        "asked": plain(client.secrets.get(secret_id, read_mask="name,value")),
        "changed": plain(changed),
        "listed": [plain(each) for each in listed],
        "taken": failure(client.secrets.create, key_name=secret_id, name=name, value="x"),
        "empty": failure(
            client.secrets.create, key_name="E", name=f"{account}/secrets/E", value=""
        ),
        "deleted": client.secrets.delete(secret_id),
        "missing": failure(client.secrets.get, secret_id),
        "other": failure(client.secrets.list, account_id="nobody"),
    }
    for each in client.secrets.list(filter=f'key_name:"PAGE_{RUN}"'):
        client.secrets.delete(each.name.rpartition("/")[2])
    return facts


def lists():
    """What is wrong with a list is told by the parameter."""
    return {
        "filter": failure(client.users.list, filter="state ="),
        "order_by": failure(client.users.list, order_by="shoe_size"),
        "page_token": failure(client.secrets.list, page_token="nonsense"),
        "page_size": failure(client.secrets.list, page_size=-1),
    }


async def asked():
    """Each resource once, without blocking."""
    user_id, secret_id = f"async-{RUN}", f"ASYNC_{RUN}"
    async with AsyncFireworks(base_url=sys.argv[1], max_retries=0, timeout=30) as other:
        got = await other.accounts.get()
        names = [each.name async for each in other.accounts.list()]
        user = await other.users.create(role="user", user_id=user_id)
        await other.users.update(user_id, role="contributor")
        key = await other.api_keys.create(user_id, api_key={"display_name": "a"})
        keys = [each.key_id async for each in other.api_keys.list(user_id, page_size=1)]
        await other.api_keys.delete(user_id, key_id=key.key_id)
        secret = await other.secrets.create(
            key_name=secret_id, name=f"{account}/secrets/{secret_id}", value="x"
        )
        found = await other.secrets.get(secret_id)
        await other.secrets.delete(secret_id)
        return {
            "account": got.name,
            "accounts": names,
            "user": user.name,
            "role": (await other.users.get(user_id)).role,
            "keys": [keys, key.key_id],
            "secrets": [secret.name, found.name],
        }


facts = {fact.__name__: fact() for fact in (accounts, users, api_keys, secrets, lists)}
json.dump(facts | {"asked": asyncio.run(asked())}, sys.stdout)
