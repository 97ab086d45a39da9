"""What a deployment asks of placement, and what it is given, written out. Pure."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from hearth.accounts import Status
from hearth.catalog import ServedModel
from hearth.deployments.placement import Decision, Place, Refusal
from hearth.deployments.types import Deployment
from hearth.errors import InvalidRequest
from hearth.pricing import format_usd
from hearth.resources import Internal, Stored

_CHOOSABLE = ("accelerator_type", "accelerator_count", "precision")
"Fields that placement fills in where their owner leaves them open."


def explanation_of(decision: Decision) -> list[dict[str, str]]:
    """A decision, place by place, as `:explain` tells it."""
    return [
        {
            "candidate": f"{each.region}/{each.accelerator}",
            "verdict": str(each.verdict),
            "why": each.why,
        }
        for each in decision.explanation
    ]


def asked_of(
    deployment: Deployment, internal: Internal, was: Stored[Deployment] | None
) -> dict[str, Any]:
    """What the owner asks for in the fields that placement fills in, so that a later change of
    another field leaves them as open as they were. Any: their values have several types."""
    after = {name: getattr(deployment, name) for name in _CHOOSABLE}
    if was is None or deployment.deployment_shape:  # a shape leaves none of them open
        return after
    asked: dict[str, Any] = internal.get("asked", {})
    return {
        name: value if value != getattr(was.resource, name) else asked.get(name, value)
        for name, value in after.items()
    }


def asks_elsewhere(before: Deployment, after: Deployment) -> bool:
    """Whether a change asks for another place."""
    fields = (
        "accelerator_type",
        "accelerator_count",
        "precision",
        "placement",
        "max_context_length",
        "disable_deployment_size_validation",
    )
    return any(getattr(before, name) != getattr(after, name) for name in fields)


def placed(deployment: Deployment, decision: Decision, served: ServedModel) -> Deployment:
    """The deployment with the place it gets written out, or waiting for one."""
    if decision.refusal is not None:
        if not decision.refusal.waits:
            raise refused(decision.refusal)
        status = Status(code="RESOURCE_EXHAUSTED", message=decision.refusal.message)
        return replace(deployment, status=status)
    assert decision.place is not None, "it is placed or refused"
    place = decision.place
    serving = served.serving
    told = Status(message=" ".join(filter(None, ["Starting.", place.note, label_of(place)])))
    stand_in = (serving.served_by or "") if serving.is_stand_in else ""
    return replace(with_place(deployment, place), status=told, stand_in=stand_in)


def with_place(deployment: Deployment, place: Place) -> Deployment:
    """The deployment with what it was given written out."""
    price = place.price_nano_per_hour
    return replace(
        deployment,
        accelerator_type=str(place.accelerator),
        accelerator_count=place.count,
        precision=str(place.precision),
        emulated=place.is_emulated,
        price_per_hour="" if price is None else format_usd(price).removeprefix("$"),
    )


def label_of(place: Place) -> str:
    """What every view of a deployment at an emulated place says."""
    if not place.is_emulated:
        return ""
    told = f"Emulated: {place.count} x {place.accelerator} in {place.region}, run on this machine"
    if place.is_precision_emulated:
        told += f"; {place.precision} is priced and placed, not computed"
    return f"{told}."


def refused(refusal: Refusal) -> InvalidRequest:
    """A refusal as the control plane tells it, with the figures for programs."""
    facts = {"kind": str(refusal.kind)}
    numbers: dict[str, object] = {}
    if refusal.missing_bytes:
        numbers["missingBytes"] = str(refusal.missing_bytes)
    if refusal.smallest_count is not None:
        numbers["smallestAcceleratorCount"] = refusal.smallest_count
    return InvalidRequest(refusal.message, param=refusal.param or None).stating(facts | numbers)
