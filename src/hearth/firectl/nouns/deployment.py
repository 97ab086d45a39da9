"""Deployments: a model kept served on accelerators of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hearth.firectl import deployment_flags, forms
from hearth.firectl.call import Call
from hearth.firectl.crud import (
    ETAG,
    deleter,
    getter,
    id_argument,
    lister,
    run_get,
    show_created,
)
from hearth.firectl.deployment_creation import apply_auto_scale, create_deployment, fields_of
from hearth.firectl.failures import UsageFailure
from hearth.firectl.grammar import Argument, Column, Command, Flag, Noun, Resource
from hearth.firectl.http import Object
from hearth.firectl.kinds import COUNT, NAME, SWITCH
from hearth.firectl.names import path_of
from hearth.firectl.request_parts import query_of
from hearth.firectl.waiting import WAIT_FLAGS, wait_until_ready, watch

RESOURCE = Resource(
    collection="deployments",
    id_query="deploymentId",
    wait_timeout="1h",
    columns=(
        Column(title="name", path="name"),
        Column(title="display name", path="displayName"),
        Column(title="state", path="state"),
        Column(title="base model", path="baseModel"),
        Column(title="ready", path="replicaStats.readyReplicaCount"),
        Column(title="desired", path="desiredReplicaCount"),
        Column(title="accelerator", path="acceleratorType"),
        Column(title="count", path="acceleratorCount"),
        Column(title="region", path="region"),
        Column(title="emulated", path="emulated"),
        Column(title="create time", path="createTime"),
        Column(title="delete time", path="deleteTime"),
    ),
)
_MODEL = Argument(
    name="MODEL", help="What it serves.", field="baseModel", of="model", is_required=False
)
MODEL_FLAGS = (
    Flag(name="model", field="baseModel", kind=NAME, of="model", help="As MODEL."),
    Flag(name="model-id", field="baseModel", kind=NAME, of="model", help="As MODEL."),
)
_EXPLANATION = tuple(Column(title=each, path=each) for each in ("candidate", "verdict", "why"))


def _create(call: Call) -> None:
    created = create_deployment(call)
    if call.get("validate-only"):
        call.screen.note("It is valid; nothing was created.")
        call.show(created)
    else:
        show_created(call, created)


def _get(call: Call) -> None:
    if call.get("metrics"):
        query = {"timeRange": call.get("time-range")} if call.get("time-range") else {}
        path = path_of(call.name(call.get("ID")))
        body = call.send("GET", f"{path}:metrics", query=query)
        is_text = call.get("output", "text") == "text"
        call.show(body["metrics"] if is_text and body.get("metrics") else body)
    elif call.get("explain"):
        _explain(call, call.send("GET", path_of(call.name(call.get("ID"))) + ":explain"))
    else:
        run_get(call)


def _explain(call: Call, body: Object) -> None:
    if call.get("output", "text") != "text":
        call.show(body)
        return
    decision, replicas = body.get("decision") or {}, body.get("replicas") or []
    parts = [
        forms.as_text(decision) if isinstance(decision, Mapping) else f"{decision}\n",
        forms.as_table(body.get("explanation") or [], _EXPLANATION),
    ]
    if replicas:
        keys = dict.fromkeys(key for each in replicas for key in each)
        columns = [Column(title=forms.title(key), path=key) for key in keys]
        parts.append(forms.as_table(replicas, columns))
    call.screen.write("\n".join(parts))


def _update(call: Call) -> None:
    body = fields_of(call)
    apply_auto_scale(call, body)
    if not body:
        raise UsageFailure("Nothing to change: see the flags of `firectl update deployment -h`.")
    name = call.name(call.get("ID"))
    changed = call.send("PATCH", path_of(name), query=query_of(call), body=body)
    call.show(wait_until_ready(call, name) if call.get("wait") else changed)


def _scale(call: Call) -> None:
    name, wanted = call.name(call.get("ID")), call.get("replica-count")
    call.send("PATCH", f"{path_of(name)}:scale", body={"replicaCount": wanted})
    if call.get("wait"):
        watch(call, name, lambda now: now is not None and _num_ready(now) == wanted)
    call.screen.note(f"{name} is to have {wanted} replicas.")


def _num_ready(now: Object) -> int:
    stats = now.get("replicaStats") or {}
    return int(stats.get("readyReplicaCount") or 0)


def _undelete(call: Call) -> None:
    name = call.name(call.get("ID"))
    restored = call.send("POST", f"{path_of(name)}:undelete", body={})
    call.show(wait_until_ready(call, name) if call.get("wait") else restored)


_GET = getter(
    "deployment",
    RESOURCE,
    "firectl get deployment my-deployment",
    "firectl get deployment my-deployment --metrics",
)

NOUN = Noun(
    summary="Deployments keep a model served on accelerators of its own.",
    commands=(
        Command(
            verb="create",
            summary="Serve a model on accelerators of its own.",
            run=_create,
            arguments=(_MODEL,),
            flags=(*MODEL_FLAGS, *deployment_flags.EVERYTHING, *WAIT_FLAGS),
            resource=RESOURCE,
            examples=(
                "firectl create deployment llama-v3p1-8b-instruct --min-replica-count 1 --wait",
                "firectl create deployment --model llama-v3p1-70b-instruct --name my-deployment "
                "--gpu-type h100 --gpu-count 2 --max-replicas 4",
                "firectl create deployment --model llama-v4-scout --region us-west-2 "
                "--fallback-regions eu-west-1,asia-southeast-1 --auto-scale true",
            ),
        ),
        replace(
            _GET,
            run=_get,
            flags=(
                Flag(name="metrics", kind=SWITCH, help="What it does now: speed, load, latency."),
                Flag(name="time-range", help="With --metrics: how far back, such as 1h."),
                Flag(name="explain", kind=SWITCH, help="Why its replicas are where they are."),
            ),
        ),
        lister(
            "deployment",
            RESOURCE,
            (
                Flag(
                    name="show-deleted",
                    query="showDeleted",
                    kind=SWITCH,
                    help="Also deleted ones that can be had back.",
                ),
            ),
            "firectl list deployments --filter 'state = READY' --order-by 'create_time desc'",
        ),
        Command(
            verb="update",
            summary="Change what the flags name; requests that run are not cut.",
            run=_update,
            arguments=(id_argument("deployment"),),
            flags=(*MODEL_FLAGS, *deployment_flags.CHANGEABLE, ETAG, *WAIT_FLAGS),
            resource=RESOURCE,
            examples=("firectl update deployment my-deployment --max-replica-count 4",),
        ),
        Command(
            verb="scale",
            summary="Have this many replicas now.",
            run=_scale,
            arguments=(id_argument("deployment"),),
            flags=(
                Flag(name="replica-count", kind=COUNT, is_required=True, help="How many."),
                *WAIT_FLAGS,
            ),
            resource=RESOURCE,
            examples=("firectl scale my-deployment --replica-count 4",),
        ),
        deleter(
            "deployment",
            RESOURCE,
            (
                Flag(name="hard", query="hard", kind=SWITCH, help="For good: no undelete."),
                Flag(
                    name="ignore-checks",
                    query="ignoreChecks",
                    kind=SWITCH,
                    help="Even if it was used a moment ago.",
                ),
            ),
            waits=True,
        ),
        Command(
            verb="undelete",
            summary="Have a deleted deployment back.",
            run=_undelete,
            arguments=(id_argument("deployment"),),
            flags=WAIT_FLAGS,
            resource=RESOURCE,
            examples=("firectl undelete deployment my-deployment --wait",),
        ),
    ),
)
