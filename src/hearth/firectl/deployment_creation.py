"""From the flags of `create deployment` to the request, and what is done when it does not fit."""

from __future__ import annotations

import json
from pathlib import Path

from hearth.firectl.call import Call
from hearth.firectl.crud import create
from hearth.firectl.failures import Failure, Refused, UsageFailure
from hearth.firectl.http import Object
from hearth.firectl.names import id_from
from hearth.firectl.request_parts import body_of, place

_AUTO_SCALE_MAX = 2  # the fewest replicas of which one can come and go while another serves


def create_deployment(call: Call) -> Object:
    """Create what the flags say.

    `--gpu-count` means at least so many: where the server says that the model needs more, it gets
    more, once and with a note. `--accelerator-count` is taken at its word.

    Raises:
        Refused: the server answered with an error.
    """
    body = _from_file(call) | {}
    for key, value in fields_of(call).items():
        place(body, key, value)
    if not body.get("baseModel"):
        raise UsageFailure(
            "firectl create deployment needs a model: "
            "firectl create deployment llama-v3p1-8b-instruct, or --model."
        )
    apply_auto_scale(call, body)
    chosen_id = call.get("deployment-id") or id_from(call.get("name", "")) or None
    try:
        return create(call, chosen_id, body)
    except Refused as refused:
        fitting = _fitting_count(refused)
        if "gpu-count" not in call.values or fitting <= call.get("gpu-count"):
            raise
        call.screen.note(
            f"firectl: {body['baseModel']} needs {fitting} accelerators, not "
            f"{call.get('gpu-count')}; each replica gets {fitting}"
        )
        return create(call, chosen_id, body | {"acceleratorCount": fitting})


def fields_of(call: Call) -> Object:
    """What the flags say of a deployment."""
    body = body_of(call)
    if call.get("name") and "displayName" not in body:
        body["displayName"] = call.get("name")
    if call.get("preemptible"):
        body["maxWithRevocableReplicaCount"] = body.get("maxReplicaCount", 1)
    return body


def apply_auto_scale(call: Call, body: Object) -> None:
    """Turn `--auto-scale` into bounds on replicas.

    Raises:
        UsageFailure: it is off, and the bounds differ.
    """
    is_on = call.get("auto-scale")
    low, high = body.get("minReplicaCount"), body.get("maxReplicaCount")
    if is_on:
        body["minReplicaCount"] = low or 0
        body["maxReplicaCount"] = high if high is not None else max(_AUTO_SCALE_MAX, low or 0)
    elif is_on is False:
        if low is not None and high is not None and low != high:
            raise UsageFailure(
                "--auto-scale false keeps a fixed number of replicas; give one number, not "
                f"a range from {low} to {high}."
            )
        fixed = next((each for each in (high, low) if each is not None), 1)
        body["minReplicaCount"] = body["maxReplicaCount"] = fixed


def _from_file(call: Call) -> Object:
    if not call.get("file"):
        return {}
    path = Path(call.get("file"))
    try:
        body = json.loads(path.read_bytes())
    except OSError as error:
        raise Failure(f"Cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise Failure(f"{path} is no JSON: {error}.") from error
    if not isinstance(body, dict):
        raise Failure(f"{path} must hold one JSON object, such as `-o json` prints.")
    return body


def _fitting_count(refused: Refused) -> int:
    """How many accelerators the server says would do; 0 where it says nothing of them."""
    if refused.param != "acceleratorCount":
        return 0
    for detail in refused.details:
        count = detail.get("smallestAcceleratorCount") if isinstance(detail, dict) else None
        if isinstance(count, int):
            return count
    return 0
