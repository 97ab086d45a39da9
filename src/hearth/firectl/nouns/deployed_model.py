"""Deployed models: an adapter or a model on a deployment."""

from __future__ import annotations

from hearth.firectl.crud import deleter, getter, lister, updater
from hearth.firectl.grammar import Column, Flag, Noun, Resource
from hearth.firectl.kinds import SWITCH

RESOURCE = Resource(
    collection="deployedModels",
    ready=("DEPLOYED",),
    columns=(
        Column(title="name", path="name"),
        Column(title="model", path="model"),
        Column(title="deployment", path="deployment"),
        Column(title="state", path="state"),
        Column(title="default", path="default"),
        Column(title="serverless", path="serverless"),
        Column(title="create time", path="createTime"),
    ),
)
_CHANGEABLE = (
    Flag(name="default", field="default", kind=SWITCH, help="What the model's name means."),
    Flag(name="description", field="description", help="What it is for."),
    Flag(name="display-name", field="displayName", help="What people call it."),
    Flag(name="public", field="public", kind=SWITCH, help="Whether every account may call it."),
)

NOUN = Noun(
    summary="Deployed models are adapters and models on a deployment; `load-lora` makes them.",
    commands=(
        getter("deployed-model", RESOURCE),
        lister("deployed-model", RESOURCE, (), "firectl list deployed-models"),
        updater("deployed-model", RESOURCE, _CHANGEABLE),
        deleter("deployed-model", RESOURCE, waits=True),
    ),
)
