"""`--wait`: watch a resource until it is as wanted, with a line that shows how it stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from hearth.firectl.call import Call
from hearth.firectl.failures import Exit, Failure, Refused
from hearth.firectl.grammar import Flag, Resource
from hearth.firectl.http import Object
from hearth.firectl.kinds import DURATION, SWITCH, seconds_of
from hearth.firectl.names import last_of, path_of

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 3.0  # what is done soon is seen soon
_GROWTH = 1.5

WAIT_FLAGS = (
    Flag(name="wait", kind=SWITCH, help="Return when it is done; show how it stands meanwhile."),
    Flag(name="wait-timeout", kind=DURATION, help="Give up waiting after this; exit status 5."),
)


def wait_until_ready(call: Call, name: str) -> Object:
    """Watch a resource until its state is one of the ready ones.

    Raises:
        Failure: it fails, or does not get there in time.
    """
    resource = call.resource

    def is_done(now: Object | None) -> bool:
        if now is None:
            raise Failure(
                f"{name} was deleted while it was waited for.", exit_status=Exit.NOT_FOUND
            )
        return _is_ready(now, resource)

    found = watch(call, name, is_done)
    assert found is not None, "is_done raises where there is nothing"
    return found


def wait_until_gone(call: Call, name: str) -> None:
    """Watch a resource until it is deleted.

    Raises:
        Failure: it is not deleted in time.
    """
    watch(call, name, lambda now: now is None or now.get("state") == "DELETED")


def wait_until_done(call: Call, operation: Object) -> None:
    """Watch an operation of the server until it has ended.

    Raises:
        Failure: it failed, or does not end in time.
    """
    name = operation.get("name")
    if not name or operation.get("done"):
        _check_error(operation)
        return
    ended = watch(call, name, lambda now: now is None or bool(now.get("done")))
    _check_error(ended or {})


def _check_error(operation: Object) -> None:
    if error := operation.get("error"):
        raise Failure(f"It failed: {error.get('message') or error}")


def _is_ready(now: Object, resource: Resource) -> bool:
    state, status = now.get("state", ""), now.get("status") or {}
    if state in resource.ready:
        return True
    if state in resource.failed or status.get("code") in resource.failed_codes:
        message = status.get("message") or "the server gives no reason"
        raise Failure(f"{now.get('name')} is {state}: {message}")
    return False


def watch(call: Call, name: str, is_done: Callable[[Object | None], bool]) -> Object | None:
    """Show how a resource stands until it is as wanted; None stands for one that is not there.

    Raises:
        Failure: it is not so in time.
    """
    text = call.get("wait-timeout") or call.resource.wait_timeout
    limit_s, begun = seconds_of(text), time.monotonic()
    pause_s = _FIRST_PAUSE_S
    while True:
        now = _read(call, name)
        call.screen.progress(f"{last_of(name)}: {standing(now)}")
        if is_done(now):
            call.screen.end_progress()
            return now
        waited_s = time.monotonic() - begun
        if waited_s >= limit_s:
            raise Failure(
                f"{name} is not done after {text}: {standing(now)}. It goes on; "
                f"look again with `firectl get {call.command.noun} {last_of(name)}`.",
                exit_status=Exit.TIMED_OUT,
            )
        time.sleep(min(pause_s, limit_s - waited_s))
        pause_s = min(pause_s * _GROWTH, _LONGEST_PAUSE_S)


def _read(call: Call, name: str) -> Object | None:
    try:
        return call.send("GET", path_of(name))
    except Refused as refused:
        if refused.exit_status == Exit.NOT_FOUND:
            return None
        raise


def standing(now: Mapping[str, Any] | None) -> str:  # Any: a JSON object
    """How a resource stands, in a line: its state, replicas if it has them, and why it waits."""
    if now is None:
        return "DELETED"
    if "done" in now or "metadata" in now:
        return _progress(now)
    parts = [str(now.get("state") or "state unknown")]
    if "desiredReplicaCount" in now or "replicaStats" in now:
        ready = (now.get("replicaStats") or {}).get("readyReplicaCount", now.get("replicaCount"))
        desired = now.get("desiredReplicaCount") or now.get("minReplicaCount") or 0
        parts.append(f"{ready or 0}/{desired} replicas ready")
    message = (now.get("status") or {}).get("message")
    if message:
        parts.append(" ".join(str(message).split()))
    return ", ".join(parts)


def _progress(operation: Mapping[str, Any]) -> str:  # Any: a JSON object
    about = operation.get("metadata") or {}
    percent = about.get("percent")
    parts = ["done" if operation.get("done") else "running", about.get("message")]
    parts.append(f"{percent}%" if percent is not None else "")
    return ", ".join(str(part) for part in parts if part)
