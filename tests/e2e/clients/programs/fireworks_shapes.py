"""Deployment shapes and their versions by the `fireworks-ai` package; prints JSON.

Call it with a base URL; key and account are in FIREWORKS_API_KEY and FIREWORKS_ACCOUNT_ID.
"""

import asyncio
import json
import sys

from fireworks import APIStatusError, AsyncFireworks, Fireworks

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
SHAPE = "llama-v3p1-8b-instruct-minimal"
PUBLIC = {"account_id": "fireworks"}

client = Fireworks(base_url=sys.argv[1], max_retries=0, timeout=50)
shapes, versions = client.deployment_shapes, client.deployment_shape_versions


def plain(resource):
    return json.loads(resource.to_json())


def failure(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except APIStatusError as error:
        return {"status": error.status_code, "kind": type(error).__name__, "body": error.body}


def listed():
    everything = list(shapes.list(**PUBLIC, page_size=25))
    fast = shapes.list(**PUBLIC, filter='preset_type = "FAST"', order_by="name desc", page_size=3)
    masked = shapes.list(**PUBLIC, read_mask="name,precision", page_size=1)
    return {
        "names": [each.name for each in everything],
        "fast": [each.name for each in fast],
        "masked": plain(masked.deployment_shapes[0]),
        "for_model": [plain(each) for each in shapes.list(**PUBLIC, target_model=MODEL)],
        "own": [each.name for each in shapes.list()],
        "filter": failure(shapes.list, **PUBLIC, filter="preset_type = FAST AND ("),
    }


def versioned():
    every = list(versions.list(SHAPE, **PUBLIC))
    return {
        "shape": plain(shapes.get(SHAPE, **PUBLIC)),
        "every": [plain(each) for each in every],
        "one": plain(versions.get("v1", deployment_shape_id=SHAPE, **PUBLIC)),
        "missing": failure(versions.get, "v9", deployment_shape_id=SHAPE, **PUBLIC),
    }


def matched():
    request = {"parent": f"accounts/{client.account_id}", "deployment": {"base_model": MODEL}}
    with_addons = versions.match_for_model(MODEL, enable_addons=True)
    return {
        "match": plain(versions.match(create_deployment_request=request)),
        "for_model": plain(versions.match_for_model(MODEL)),
        "with_addons": [
            each.snapshot.preset_type for each in with_addons.deployment_shape_versions
        ],
        "unknown": failure(versions.match_for_model, "accounts/fireworks/models/nothing"),
    }


def deployed():
    """The happy path of the package's own words: find a shape, deploy with it."""
    matched = versions.match_for_model(MODEL).deployment_shape_versions
    shape = next(each.snapshot for each in matched if each.snapshot.preset_type == "THROUGHPUT")
    made = client.deployments.create(base_model=MODEL, deployment_shape=shape.name)
    deployment_id = made.name.rpartition("/")[2]
    other = failure(
        client.deployments.create,
        base_model=MODEL,
        deployment_shape=shape.name,
        accelerator_type="NVIDIA_H200_141GB",
    )
    changed = client.deployments.update(deployment_id, base_model=MODEL, display_name="Mine")
    client.deployments.delete(deployment_id, ignore_checks=True, hard=True)
    return {"shape": shape.name, "made": plain(made), "changed": plain(changed), "other": other}


async def asked():
    async with AsyncFireworks(base_url=sys.argv[1], max_retries=0, timeout=50) as client:
        names = [each.name async for each in client.deployment_shapes.list(**PUBLIC, page_size=40)]
        match = await client.deployment_shape_versions.match_for_model(MODEL)
        return {"names": names, "num_matched": match.total_size}


facts = {fact.__name__: fact() for fact in (listed, versioned, matched, deployed)}
json.dump(facts | {"asked": asyncio.run(asked())}, sys.stdout)
