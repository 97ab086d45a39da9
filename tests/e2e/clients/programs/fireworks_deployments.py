"""A deployment's life with the `fireworks-ai` package; prints what it got as JSON.

Call it with a base URL; key and account are in FIREWORKS_API_KEY and FIREWORKS_ACCOUNT_ID.
"""

import asyncio
import json
import sys
import time
from uuid import uuid4

from fireworks import APIStatusError, AsyncFireworks, DefaultHttpxClient, Fireworks

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
RUN = uuid4().hex[:8]
LIMIT_S = 30
sent = []  # every request, also those that are tries again

client = Fireworks(
    base_url=sys.argv[1],
    timeout=30,
    http_client=DefaultHttpxClient(event_hooks={"request": [sent.append]}),
)
deployments = client.deployments


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
        }


def poll(deployment_id, is_so):
    """Look until it holds; a state that is not reached is seen by whoever reads the facts."""
    end_s = time.monotonic() + LIMIT_S
    while True:
        found = deployments.get(deployment_id)
        if is_so(found) or time.monotonic() > end_s:
            return plain(found)
        time.sleep(0.05)  # between two looks


def wait_counted(deployment_id, num_requests):
    """Until the platform knows that it was asked, which it learns a moment after the answer."""
    path = f"/v1/accounts/{client.account_id}/deployments/{deployment_id}:metrics"
    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s:
        told = client.get(path, cast_to=object)["metrics"]
        if told.get("requests_total") == num_requests:
            return
        time.sleep(0.05)  # between two looks


def is_ready(found, count=1):
    return found.state == "READY" and found.replica_stats.ready_replica_count == count


def said(model):
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Say hi"}], max_tokens=4
    )
    return {"model": answer.model, "finish_reason": answer.choices[0].finish_reason}


def life():
    d1 = f"d1-{RUN}"
    made = deployments.create(
        base_model=MODEL,
        deployment_id=d1,
        min_replica_count=0,
        max_replica_count=2,
        accelerator_type="NVIDIA_H100_80GB",
        autoscaling_policy={"scale_to_zero_window": "300s"},
    )
    ready = poll(d1, is_ready)
    answers = [said(f"{MODEL}#{made.name}"), said(made.name)]
    wait_counted(d1, len(answers))
    in_use = failure(deployments.delete, d1)
    scaled = deployments.scale(d1, replica_count=2)
    two = poll(d1, lambda found: is_ready(found, 2))
    changed = deployments.update(d1, base_model=MODEL, max_replica_count=3, display_name="Mine")
    deleted = deployments.delete(d1, ignore_checks=True)
    return {
        "made": plain(made),
        "ready": ready,
        "answers": answers,
        "in_use": in_use,
        "scaled": scaled,
        "two": two,
        "changed": plain(changed),
        "deleted": deleted,
        **after_life(d1, made.name),
    }


def after_life(d1, name):
    gone = poll(d1, lambda found: found.state == "DELETED")
    with_deleted = {each.name: each.state for each in deployments.list(show_deleted=True)}
    facts = {
        "gone": gone,
        "with_deleted": with_deleted.get(name),
        "listed": name in [each.name for each in deployments.list()],
        "not_called": failure(said, f"{MODEL}#{name}"),
        "not_changed": failure(deployments.update, d1, base_model=MODEL, description="x"),
        "undeleted": plain(deployments.undelete(d1, body={})),
        "again": poll(d1, is_ready),
        "hard": deployments.delete(d1, hard=True),
        "missing": failure(deployments.get, d1),
    }
    purged = [each.name for each in deployments.list(show_deleted=True)]
    return facts | {"purged": name not in purged}


def checked():
    """What is only to be checked is not made."""
    only = {"base_model": MODEL, "deployment_id": f"v-{RUN}", "validate_only": True}
    told = deployments.create(**only)
    unspecified = deployments.create(
        **only,
        accelerator_type="ACCELERATOR_TYPE_UNSPECIFIED",
        precision="PRECISION_UNSPECIFIED",
        placement={"region": "REGION_UNSPECIFIED", "multi_region": "MULTI_REGION_UNSPECIFIED"},
    )
    placed = deployments.create(
        **only,
        placement={"region": "US_VIRGINIA_1", "regions": ["EU_FRANKFURT_1"]},
        precision="FP8",
        skip_shape_validation=True,
        disable_speculative_decoding=True,
    )
    return {
        "told": plain(told),
        "unspecified": plain(unspecified),
        "placed": plain(placed),
        "missing": failure(deployments.get, f"v-{RUN}"),
    }


def listed():
    ids = [f"page-{RUN}-{number}" for number in range(3)]
    for number, each in enumerate(ids):
        deployments.create(base_model=MODEL, deployment_id=each, display_name=f"Page {number}")
    mine = f'name:"page-{RUN}"'
    pages = deployments.list(filter=mine, order_by="display_name desc", page_size=2)
    facts = {
        "total": plain(pages)["totalSize"],
        "first_page": len(pages.deployments),
        "names": [each.display_name for each in pages],
        "filtered": [
            each.display_name
            for each in deployments.list(filter=f'{mine} AND display_name="Page 1"')
        ],
        "masked": [
            plain(each) for each in deployments.list(filter=mine, read_mask="name,display_name")
        ],
        "filter": failure(deployments.list, filter="state = READY AND ("),
        "page_token": failure(deployments.list, page_token="nonsense"),
    }
    for each in ids:
        deployments.delete(each, ignore_checks=True, hard=True)
    return facts


def errors():
    taken = f"taken-{RUN}"
    raw = deployments.with_raw_response.create(
        base_model="llama-v3p1-8b-instruct",
        deployment_id=taken,
        draft_token_count=3,
        extra_body={"shoeSize": 43},
    )
    made = raw.parse()
    change = {"base_model": MODEL, "description": "x"}
    facts = {
        "made": plain(made),
        "headers": {
            "ignored": raw.headers.get("x-ignored-fields"),
            "request_id": raw.headers.get("x-request-id"),
        },
        "accelerator": refused(accelerator_type="NVIDIA_H1000"),
        "counts": refused(min_replica_count=3, max_replica_count=2),
        "window": refused(autoscaling_policy={"scale_to_zero_window": "1s"}),
        "precision": refused(precision="FP3"),
        "size": refused(
            base_model="accounts/fireworks/models/llama-v3p1-405b-instruct",
            accelerator_type="NVIDIA_A10G_24GB",
            accelerator_count=1,
        ),
        "model": refused(base_model="accounts/fireworks/models/nothing"),
        "id": refused(deployment_id="Not An Id"),
        "taken": refused(deployment_id=taken),
        "immutable": failure(
            deployments.update, taken, base_model="accounts/fireworks/models/qwen3-8b"
        ),
        "fresh": plain(deployments.update(taken, **change, extra_body={"etag": etag_of(made)})),
        "stale": failure(deployments.update, taken, **change, extra_body={"etag": "0"}),
        "if_match": failure(deployments.update, taken, **change, extra_headers={"If-Match": '"0"'}),
        "other_account": failure(deployments.get, taken, account_id="other"),
        "list_of_another": failure(deployments.list, account_id="other"),
        "undelete": failure(deployments.undelete, taken, body={}),
    }
    deployments.delete(taken, ignore_checks=True, hard=True)
    return facts


def refused(**fields):
    return failure(deployments.create, **{"base_model": MODEL} | fields)


def etag_of(deployment):
    return plain(deployment)["etag"]


async def asked():
    d2 = f"d2-{RUN}"
    async with AsyncFireworks(base_url=sys.argv[1], max_retries=0, timeout=30) as other:
        own = other.deployments
        made = await own.create(base_model=MODEL, deployment_id=d2, max_replica_count=2)
        changed = await own.update(d2, base_model=MODEL, display_name="Two")
        await own.scale(d2, replica_count=0)
        names = [each.name async for each in own.list(page_size=1)]
        await own.delete(d2, ignore_checks=True)
        undeleted = await own.undelete(d2, body={})
        found = await own.get(d2)
        await own.delete(d2, ignore_checks=True, hard=True)
        return {
            "made": made.name,
            "changed": changed.display_name,
            "listed": made.name in names,
            "undeleted": undeleted.state,
            "found": found.name,
        }


facts = {fact.__name__: fact() for fact in (life, checked, listed, errors)}
json.dump(facts | {"asked": asyncio.run(asked())}, sys.stdout)
