"""Routers: one model name in front of several deployments."""

from __future__ import annotations

from hearth.firectl.call import Call
from hearth.firectl.crud import (
    ETAG,
    create,
    deleter,
    getter,
    id_argument,
    lister,
    run_update,
    show_created,
)
from hearth.firectl.failures import UsageFailure
from hearth.firectl.grammar import Column, Command, Flag, Noun, Resource
from hearth.firectl.http import Object
from hearth.firectl.kinds import LIST, NAME, NUMBERS, SWITCH, choice
from hearth.firectl.names import path_of
from hearth.firectl.request_parts import body_of, place

RESOURCE = Resource(
    collection="routers",
    id_query="routerId",
    columns=(
        Column(title="name", path="name"),
        Column(title="display name", path="displayName"),
        Column(title="model", path="model"),
        Column(title="deployments", path="deployments"),
        Column(title="state", path="state"),
        Column(title="create time", path="createTime"),
    ),
)
_FLAGS = (
    Flag(name="deployments", field="deployments", kind=LIST, help="What it chooses among."),
    Flag(name="model", field="model", kind=NAME, of="model", help="What it serves."),
    Flag(name="weights", kind=NUMBERS, help="The share of each deployment, in the same order."),
    Flag(
        name="strategy",
        kind=choice("weighted-random", "even-load"),
        help="How it chooses; weighted-random where --weights is given.",
    ),
    Flag(name="aliases", field="aliases", kind=LIST, help="Other ids it answers to (Hearth)."),
    Flag(name="display-name", field="displayName", help="What people call it."),
    Flag(name="public", field="public", kind=SWITCH, help="Whether every account may call it."),
)


def _fields(call: Call) -> Object:
    """The body with the strategy.

    Raises:
        UsageFailure: weights and deployments do not pair up.
    """
    body, weights, strategy = body_of(call), call.get("weights"), call.get("strategy")
    if weights is not None and strategy == "EVEN_LOAD":
        raise UsageFailure("--weights has no meaning with --strategy even-load; leave one out.")
    if weights is not None:
        names = call.get("deployments") or []
        if len(weights) != len(names):
            raise UsageFailure(
                f"--weights names {len(weights)} shares and --deployments {len(names)} "
                "deployments; give one share each, as in --deployments a,b --weights 70,30."
            )
        place(body, "weightedRandom.weights", dict(zip(names, weights, strict=True)))
    elif strategy is not None:
        body["evenLoad" if strategy == "EVEN_LOAD" else "weightedRandom"] = {}
    return body


def _create(call: Call) -> None:
    show_created(call, create(call, call.get("router-id") or call.get("ID"), _fields(call)))


def _update(call: Call) -> None:
    fields = _fields(call)
    if not fields:
        run_update(call)
        return
    call.show(call.send("PATCH", path_of(call.name(call.get("ID"))), body=fields))


NOUN = Noun(
    summary="Routers put one name in front of several deployments.",
    commands=(
        Command(
            verb="create",
            summary="Share requests among deployments.",
            run=_create,
            arguments=(id_argument("router", is_required=False),),
            flags=(
                *_FLAGS,
                Flag(name="router-id", kind=NAME, help="Its id; one is made otherwise."),
            ),
            resource=RESOURCE,
            examples=("firectl create router my-router --deployments a,b --weights 70,30",),
        ),
        getter("router", RESOURCE),
        lister("router", RESOURCE),
        Command(
            verb="update",
            summary="Change what the flags name of a router.",
            run=_update,
            arguments=(id_argument("router"),),
            flags=(*_FLAGS, ETAG),
            resource=RESOURCE,
            examples=("firectl update router my-router --deployments a,b --weights 50,50",),
        ),
        deleter("router", RESOURCE),
    ),
)
