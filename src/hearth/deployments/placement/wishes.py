"""An ask whose names were read: the form that the rules work on."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from hearth.deployments.placement.accelerators import parse_accelerator
from hearth.deployments.placement.asks import Ask
from hearth.deployments.placement.decisions import Refusal, RefusalKind
from hearth.deployments.placement.precisions import parse_precision
from hearth.deployments.placement.types import (
    COUNTS,
    AcceleratorType,
    Inventory,
    MultiRegion,
    Precision,
)
from hearth.errors import InvalidRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What an ask means in one inventory."""

    ask: Ask
    order: dict[str, int] | None
    "Rank by region, the lowest first; None: every region, all alike."
    multi_region: MultiRegion
    accelerator: AcceleratorType | None
    precision: Precision | None
    counts: tuple[int, ...]
    "Of accelerators, in the order they are tried."


def read_ask(ask: Ask, inventory: Inventory) -> Wish | Refusal:
    """Read every name; the first that means nothing is refused."""
    try:
        accelerator = parse_accelerator(ask.accelerator) if ask.accelerator else None
    except InvalidRequest as error:
        return _unreadable(error, RefusalKind.UNKNOWN_ACCELERATOR)
    try:
        precision = parse_precision(ask.precision) if ask.precision else None
    except InvalidRequest as error:
        return _unreadable(error, RefusalKind.UNKNOWN_PRECISION)
    multi_region = (ask.multi_region or MultiRegion.GLOBAL).upper()
    if multi_region not in MultiRegion.__members__:
        message = f"There is no multi-region {ask.multi_region!r}: {', '.join(MultiRegion)}."
        return Refusal(
            kind=RefusalKind.UNKNOWN_MULTI_REGION, message=message, param="placement.multiRegion"
        )
    counts = _counts(ask)
    if isinstance(counts, Refusal):
        return counts
    order = _order(ask.regions, inventory)
    if isinstance(order, Refusal):
        return order
    return Wish(
        ask=ask,
        order=order,
        multi_region=MultiRegion(multi_region),
        accelerator=accelerator,
        precision=precision,
        counts=counts,
    )


def _unreadable(error: InvalidRequest, kind: RefusalKind) -> Refusal:
    return Refusal(kind=kind, message=error.message, param=error.param or "")


def _counts(ask: Ask) -> tuple[int, ...] | Refusal:
    if ask.count is None:
        return COUNTS
    if ask.is_count_least and 0 < ask.count <= COUNTS[-1]:
        return tuple(count for count in COUNTS if count >= ask.count)
    if ask.count in COUNTS:
        return (ask.count,)
    allowed = ", ".join(map(str, COUNTS))
    message = (
        f"A replica cannot have {ask.count} accelerators. Ask for one of {allowed}, "
        "and for more replicas where more are needed."
    )
    return Refusal(kind=RefusalKind.BAD_COUNT, message=message, param="acceleratorCount")


def _order(asked: tuple[str, ...], inventory: Inventory) -> dict[str, int] | Refusal | None:
    """Ranks of the regions that are asked for; a contract's name may mean several."""
    if not asked:
        return None
    ranks: dict[str, int] = {}
    for rank, name in enumerate(asked):
        meant = [r.name for r in inventory.regions if name in {r.name, r.contract_region}]
        if not meant:
            return _unknown_region(name, inventory)
        for region in meant:
            ranks.setdefault(region, rank)
    return ranks


def _unknown_region(name: str, inventory: Inventory) -> Refusal:
    names = [region.name for region in inventory.regions]
    known = [*names, *(region.contract_region for region in inventory.regions)]
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    meant = f" Did you mean `{close[0]}`?" if close else ""
    message = f"There is no region {name!r}.{meant} Known are {', '.join(names)}."
    return Refusal(kind=RefusalKind.UNKNOWN_REGION, message=message, param="placement.region")
