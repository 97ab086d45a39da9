"""Deployment shapes: settings of hardware and engine that are known to go well together."""

from __future__ import annotations

from hearth.firectl.crud import getter, lister
from hearth.firectl.grammar import Column, Flag, Noun, Resource
from hearth.firectl.kinds import NAME

RESOURCE = Resource(
    collection="deploymentShapes",
    is_shared=True,
    columns=(
        Column(title="name", path="name"),
        Column(title="base model", path="baseModel"),
        Column(title="preset", path="presetType"),
        Column(title="accelerator", path="acceleratorType"),
        Column(title="count", path="acceleratorCount"),
        Column(title="precision", path="precision"),
        Column(title="create time", path="createTime"),
    ),
)

NOUN = Noun(
    summary="Deployment shapes are settings of hardware and engine that go well together.",
    commands=(
        getter("deployment-shape", RESOURCE),
        lister(
            "deployment-shape",
            RESOURCE,
            (
                Flag(
                    name="base-model",
                    query="targetModel",
                    kind=NAME,
                    of="model",
                    help="Those that suit this model.",
                ),
            ),
            "firectl list deployment-shapes --base-model llama-v3p1-8b-instruct",
        ),
    ),
)
