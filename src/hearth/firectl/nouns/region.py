"""Regions: where deployments can run."""

from __future__ import annotations

from hearth.firectl.crud import getter, lister
from hearth.firectl.grammar import Column, Noun, Resource

RESOURCE = Resource(
    collection="regions",
    columns=(
        Column(title="name", path="name"),
        Column(title="display name", path="displayName"),
        Column(title="cloud", path="cloud"),
        Column(title="region", path="region"),
        Column(title="multi region", path="multiRegion"),
        Column(title="state", path="state"),
        Column(title="emulated", path="emulated"),
        Column(title="accelerators", path="accelerators.acceleratorType"),
        Column(title="free", path="accelerators.free"),
    ),
)

NOUN = Noun(
    summary="Regions are where deployments can run.",
    commands=(
        lister("region", RESOURCE, (), "firectl list regions"),
        getter("region", RESOURCE, "firectl get region us-west-2"),
    ),
)
