"""Regions in the form that the control plane sends; the resource is ours, its enums are not."""

from __future__ import annotations

from msgspec import Struct


class AcceleratorView(Struct, frozen=True, kw_only=True, rename="camel"):
    """The accelerators of one kind in a region."""

    accelerator_type: str
    count: int
    "All of them; of a processor, the shares of its memory that replicas may take."
    free: int
    "Those that no replica holds."
    emulated: bool
    "They are not here: replicas run on this machine's processor."
    price_per_hour: str = ""
    "Dollars for one; empty where the price book has no price."
    share_bytes: int = 0
    "Set of a processor only: what one share is."


class RegionView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A region of a cloud, under our name and the contract's."""

    name: str
    "`accounts/{account}/regions/us-west-2`."
    display_name: str
    "Where it is, for a person."
    region: str
    "The contract's `Region`; empty for this machine."
    multi_region: str
    cloud: str
    timezone: str
    certifications: list[str]
    emulated: bool
    "None of its accelerators is here."
    accelerators: list[AcceleratorView]
    state: str = "READY"
