"""Versions of deployment shapes: what a shape was at a time, and whether it was tried."""

from __future__ import annotations

from dataclasses import replace

from hearth.firectl.call import Call
from hearth.firectl.crud import getter, lister
from hearth.firectl.grammar import Column, Flag, Noun, Resource
from hearth.firectl.kinds import NAME
from hearth.firectl.listing import show_pages
from hearth.firectl.names import path_of

RESOURCE = Resource(
    collection="deploymentShapes",
    columns=(
        Column(title="name", path="name"),
        Column(title="base model", path="snapshot.baseModel"),
        Column(title="accelerator", path="snapshot.acceleratorType"),
        Column(title="count", path="snapshot.acceleratorCount"),
        Column(title="validated", path="validated"),
        Column(title="public", path="public"),
        Column(title="create time", path="createTime"),
    ),
)


def _list(call: Call) -> None:
    shape = path_of(call.name(call.get("shape", "-")))
    show_pages(call, [(f"{shape}/versions", "deploymentShapeVersions")])


def _get(call: Call) -> None:
    name: str = call.get("ID")
    if "/versions/" not in name:
        shape, _, version = name.rpartition("/")
        name = f"{call.name(shape or '-')}/versions/{version}"
    call.show(call.send("GET", path_of(call.name(name))))


NOUN = Noun(
    summary="Versions of deployment shapes say what a shape was at a time.",
    commands=(
        replace(
            getter(
                "deployment-shape-version",
                RESOURCE,
                "firectl get deployment-shape-version my-shape/my-version",
            ),
            run=_get,
        ),
        replace(
            lister(
                "deployment-shape-version",
                RESOURCE,
                (
                    Flag(name="shape", kind=NAME, of="deployment-shape", help="Of this shape."),
                    Flag(name="base-model", query="targetModel", kind=NAME, help="For this model."),
                ),
                "firectl list deployment-shape-versions --shape my-shape",
            ),
            run=_list,
        ),
    ),
)
