"""Models of one's own with the `fireworks-ai` package: made, uploaded, called, listed, deleted.

Call it with a base URL, a GGUF file and the folder of an adapter; key and account are in
FIREWORKS_API_KEY and FIREWORKS_ACCOUNT_ID.
"""

import json
import os
import sys
from pathlib import Path
from uuid import uuid4

import httpx
from fireworks import APIStatusError, Fireworks

BASE = "accounts/fireworks/models/smollm2-135m-instruct"
base_url, gguf, adapter = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
client = Fireworks(base_url=base_url, max_retries=0, timeout=60)
account = os.environ["FIREWORKS_ACCOUNT_ID"]


def put(model_id, files):
    sizes = {path.name: str(path.stat().st_size) for path in files}
    urls = client.models.get_upload_endpoint(model_id, filename_to_size=sizes)
    for path in files:
        done = httpx.put(
            urls.filename_to_signed_urls[path.name],
            content=path.read_bytes(),
            headers={"x-goog-content-length-range": f"{sizes[path.name]},{sizes[path.name]}"},
        )
        done.raise_for_status()
    return client.models.validate_upload(model_id).to_dict()


def base_model():
    model_id = f"mine-{uuid4().hex[:8]}"
    made = client.models.create(
        model_id=model_id, model={"kind": "HF_BASE_MODEL", "display_name": "Mine"}
    )
    validated = put(model_id, [gguf])
    answer = client.chat.completions.create(
        model=f"accounts/{account}/models/{model_id}",
        messages=[{"role": "user", "content": "the cat"}],
        max_tokens=4,
    )
    changed = client.models.update(model_id, display_name="z")
    urls = client.models.get_download_endpoint(model_id).filename_to_signed_urls
    client.models.prepare(model_id, precision="FP16")
    found = client.models.get(model_id)
    listed = [model.name for model in client.models.list(filter='display_name="z"')]
    return {
        "made": made.to_dict(mode="json"),
        "validated": validated,
        "finish_reason": answer.choices[0].finish_reason,
        "answered": answer.model,
        "changed": changed.to_dict(mode="json"),
        "is_same": {
            name: httpx.get(url).content == gguf.read_bytes() for name, url in urls.items()
        },
        "found": found.to_dict(mode="json"),
        "listed": listed,
        "refused": failure(lambda: client.models.prepare(model_id, precision="FP8")),
        "deleted": client.models.delete(model_id),
        "gone": failure(lambda: client.models.get(model_id)),
    }


def lora():
    model_id = f"lora-{uuid4().hex[:8]}"
    details = {"base_model": BASE, "r": 4, "target_modules": ["q_proj"]}
    client.models.create(
        model_id=model_id, model={"kind": "HF_PEFT_ADDON", "peft_details": details}
    )
    missing = failure(lambda: client.models.validate_upload(model_id))
    put(model_id, sorted(adapter.iterdir()))
    found = client.models.get(model_id)
    client.models.delete(model_id)
    return {"missing": missing, "found": found.to_dict(mode="json")}


def catalogue():
    pages = client.models.list(
        account_id="fireworks",
        page_size=2,
        filter='kind="HF_BASE_MODEL"',
        order_by="create_time desc",
    )
    found = [(model.kind, model.create_time.isoformat()) for model in pages]
    return {"kinds": sorted({kind for kind, _ in found}), "times": [time for _, time in found]}


def failure(call):
    try:
        call()
    except APIStatusError as error:
        return {"status": error.status_code, "message": error.body["message"]}


facts = {"base": base_model(), "lora": lora(), "catalogue": catalogue()}
sys.stdout.write(json.dumps(facts))
