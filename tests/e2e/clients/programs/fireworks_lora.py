"""Adapters with the `fireworks-ai` package: uploaded, loaded, asked, unloaded; prints JSON.

Call it with a base URL and the folder of an adapter; key and account are in FIREWORKS_API_KEY and
FIREWORKS_ACCOUNT_ID.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from uuid import uuid4

import httpx
from fireworks import (
    APIStatusError,
    AsyncFireworks,
    DefaultHttpxClient,
    Fireworks,
    NotFoundError,
)

BASE = "accounts/fireworks/models/smollm2-135m-instruct"
RUN = uuid4().hex[:8]
LIMIT_S = 30
sent = []  # every request, also those that are tries again

base_url, adapter = sys.argv[1], Path(sys.argv[2])
client = Fireworks(
    base_url=base_url,
    timeout=30,
    http_client=DefaultHttpxClient(event_hooks={"request": [sent.append]}),
)
lora = client.lora


def plain(resource):
    return json.loads(resource.to_json())


def failure(call, *arguments, **options):
    before = len(sent)
    try:
        call(*arguments, **options)
    except APIStatusError as error:
        return {
            "kind": type(error).__name__,
            "body": error.body,
            "num_requests": len(sent) - before,
        }


def id_of(resource):
    return resource.name.rpartition("/")[2]


def poll(deployed_model_id, state):
    """Look until it is in a state; what it is at the end is seen by whoever reads the facts."""
    end_s = time.monotonic() + LIMIT_S
    while True:
        try:
            found = lora.get(deployed_model_id)
        except NotFoundError:
            return {"state": "GONE"}
        if found.state == state or time.monotonic() > end_s:
            return plain(found)
        time.sleep(0.05)  # between two looks


def said(model):
    answer = client.completions.create(
        model=model, prompt="Once upon", max_tokens=12, temperature=0
    )
    return answer.choices[0].text


def uploaded():
    """The full name of an adapter that was brought here."""
    model_id = f"lora-{RUN}"
    details = {"base_model": BASE, "r": 4, "target_modules": ["q_proj"]}
    made = client.models.create(
        model_id=model_id, model={"kind": "HF_PEFT_ADDON", "peft_details": details}
    )
    files = sorted(adapter.iterdir())
    sizes = {path.name: str(path.stat().st_size) for path in files}
    urls = client.models.get_upload_endpoint(model_id, filename_to_size=sizes)
    for path in files:
        span = f"{sizes[path.name]},{sizes[path.name]}"
        httpx.put(
            urls.filename_to_signed_urls[path.name],
            content=path.read_bytes(),
            headers={"x-goog-content-length-range": span},
        ).raise_for_status()
    client.models.validate_upload(model_id)
    return made.name


def everywhere(model):
    """Beside the weights of its base that no deployment owns."""
    plain_text = said(BASE)
    made = lora.load(model=model)
    loaded = poll(id_of(made), "DEPLOYED")
    facts = {
        "made": plain(made),
        "loaded": loaded,
        "differs": said(model) != plain_text,
        "same": said(BASE) == plain_text,
        "refs": plain(client.models.get(model.rpartition("/")[2]))["deployedModelRefs"],
        "in_use": failure(client.models.delete, model.rpartition("/")[2]),
        "twice": failure(lora.load, model=model),
        "unloaded": lora.unload(id_of(made)),
    }
    return facts | {"gone": poll(id_of(made), "GONE"), "not_called": failure(said, model)}


def deployed(model):
    """On a deployment of its base."""
    d1 = client.deployments.create(
        base_model=BASE, deployment_id=f"addons-{RUN}", enable_addons=True
    )
    made = lora.load(model=model, deployment=d1.name, display_name="One", public=False)
    loaded = poll(id_of(made), "DEPLOYED")
    names = [f"{model}#{d1.name}", made.name]
    changed = lora.update(id_of(made), display_name="Two", description="x")
    facts = {
        "made": plain(made),
        "loaded": loaded,
        "differs": [said(name) != said(d1.name) for name in names],
        "changed": plain(changed),
        "got": plain(lora.get(id_of(made))),
        "listed": [
            plain(each) for each in lora.list(filter=f'deployment="{d1.name}"', page_size=1)
        ],
        "masked": [plain(each) for each in lora.list(read_mask="name,state")],
        "stale": failure(lora.update, id_of(made), display_name="C", extra_body={"etag": "0"}),
        "unloaded": lora.unload(id_of(made)),
    }
    facts["gone"] = poll(id_of(made), "GONE")
    plain_text = said(d1.name)
    merged = lora.load(model=model, deployment=d1.name, replace_merged_addon=True)
    facts["merged"] = poll(id_of(merged), "DEPLOYED")
    facts["merged_differs"] = said(d1.name) != plain_text
    lora.unload(id_of(merged))
    poll(id_of(merged), "GONE")
    client.deployments.delete(id_of(d1), ignore_checks=True, hard=True)
    return facts


def errors(model):
    return {
        "model": failure(lora.load, model="none-such"),
        "base": failure(lora.load, model=BASE),
        "deployment": failure(lora.load, model=model, deployment="none-such"),
        "missing": failure(lora.unload, "none-such"),
        "account": failure(lora.list, account_id="nobody"),
        "filter": failure(lora.list, filter="state ="),
    }


async def asked(model):
    async with AsyncFireworks(base_url=base_url, max_retries=0, timeout=30) as other:
        made = await other.lora.load(model=model)
        changed = await other.lora.update(id_of(made), display_name="Async")
        names = [each.name async for each in other.lora.list(page_size=1)]
        got = await other.lora.get(id_of(made))
        await other.lora.unload(id_of(made))
        return {"names": names, "got": got.name, "display_name": changed.display_name}


name = uploaded()
facts = {fact.__name__: fact(name) for fact in (everywhere, deployed, errors)}
facts["asked"] = asyncio.run(asked(name))
json.dump(facts, sys.stdout)
