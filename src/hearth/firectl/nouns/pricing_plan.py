"""The prices in force."""

from __future__ import annotations

from hearth.firectl.crud import getter, lister
from hearth.firectl.grammar import Column, Noun, Resource

RESOURCE = Resource(
    collection="pricingPlans",
    columns=(
        Column(title="name", path="name"),
        Column(title="billing type", path="billingType"),
        Column(title="start time", path="startTime"),
        Column(title="end time", path="endTime"),
        Column(title="state", path="state"),
    ),
)

NOUN = Noun(
    summary="Pricing plans are the prices in force for the account.",
    commands=(
        lister("pricing-plan", RESOURCE, (), "firectl list pricing-plans"),
        getter("pricing-plan", RESOURCE, "firectl get pricing-plan tokens -o yaml"),
    ),
)
