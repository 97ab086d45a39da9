"""The rules, in order: which places would do for an ask, whatever is free, and which come first."""

from __future__ import annotations

from dataclasses import dataclass

from hearth.deployments.placement.accelerators import GB, short_name
from hearth.deployments.placement.decisions import Finding, Place, Verdict
from hearth.deployments.placement.fitting import Fit, fit, precision_on, taken_of
from hearth.deployments.placement.types import (
    AcceleratorType,
    Inventory,
    MultiRegion,
    Precision,
    Prices,
    Region,
    Stock,
)
from hearth.deployments.placement.wishes import Wish

_Fault = tuple[Verdict, str]
_Rank = tuple[int, bool, bool, int, int, int]
"The asked order, real before emulated, priced first, price, accelerators, the inventory's order."


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """What can be said of an ask before looking at what is free."""

    ranked: tuple[Place, ...]
    "Places that would do, best first."
    ruled_out: tuple[Finding, ...]
    misfits: tuple[Fit, ...]
    "Of the places that only the model's size rules out."


class Rules:
    """The rules for one ask; what was found for one kind of accelerator serves in all regions."""

    def __init__(self, wish: Wish, prices: Prices) -> None:
        self._wish = wish
        self._prices = prices
        self._fits: dict[tuple[AcceleratorType, int, bool], Fit] = {}

    def study(self, inventory: Inventory) -> Study:
        """Try the rules on every place of the inventory."""
        ranked: list[tuple[_Rank, Place]] = []
        ruled_out: list[Finding] = []
        for number, region in enumerate(inventory.regions):
            outside = _region_fault(self._wish, region)
            for stock in region.stocks:
                found = outside or self._judge(region, stock)
                if isinstance(found, Place):
                    ranked.append((self._rank(found, number), found))
                else:
                    ruled_out.append(_finding(region, stock, found))
        ranked.sort(key=lambda item: item[0])
        return Study(
            ranked=tuple(place for _, place in ranked),
            ruled_out=tuple(ruled_out),
            misfits=tuple(found for found in self._fits.values() if not found.fits),
        )

    def _judge(self, region: Region, stock: Stock) -> Place | _Fault:
        wish, ask = self._wish, self._wish.ask
        if not (stock.is_emulated or ask.has_own_weights):
            return Verdict.NO_WEIGHTS, "It is real, and only a stand-in for the model is here."
        if wish.accelerator not in {None, stock.accelerator}:
            return Verdict.OTHER_ACCELERATOR, f"Not {wish.accelerator}."
        precision = precision_on(ask, wish.precision, stock)
        can = ask.engine_precisions
        if not stock.is_emulated and can and precision not in can:
            return Verdict.PRECISION, f"The engine cannot do {precision}, only {', '.join(can)}."
        found = self._fit(stock, precision)
        if not found.fits:
            return Verdict.DOES_NOT_FIT, _lack(found)
        place = self._place(region, stock, found)
        if place.taken > stock.count:
            return Verdict.TOO_SMALL, f"{stock.count} there in all, {place.taken} needed."
        return place

    def _fit(self, stock: Stock, precision: Precision) -> Fit:
        key = stock.accelerator, stock.memory_bytes, stock.is_emulated
        if key not in self._fits:
            self._fits[key] = fit(self._wish.ask, precision, self._wish.counts, stock)
        return self._fits[key]

    def _place(self, region: Region, stock: Stock, found: Fit) -> Place:
        can = self._wish.ask.engine_precisions
        price = self._price(stock)
        return Place(
            region=region.name,
            contract_region=region.contract_region,
            cloud=region.cloud,
            accelerator=stock.accelerator,
            count=found.count,
            taken=taken_of(stock, found.count, found.need),
            is_emulated=stock.is_emulated,
            precision=found.precision,
            is_precision_emulated=stock.is_emulated and bool(can) and found.precision not in can,
            price_nano_per_hour=None if price is None else price * found.count,
            memory=found.need,
            note=self._note(found),
        )

    def _price(self, stock: Stock) -> int | None:
        """A processor is the operator's own and costs nothing, unless it is priced."""
        free = 0 if stock.accelerator is AcceleratorType.CPU else None
        return self._prices.get(stock.accelerator, free)

    def _note(self, found: Fit) -> str:
        asked = self._wish.ask.count
        if asked is None or found.count == asked:
            return ""
        if found.accelerator is AcceleratorType.CPU:
            return "This machine has one processor; its memory is shared."
        kind = short_name(found.accelerator)
        return (
            f"Raised from {asked} to {found.count} x {kind}: {self._wish.ask.model.id} needs "
            f"{gigabytes(found.need.total_bytes * found.count)} in {found.precision}."
        )

    def _rank(self, place: Place, number: int) -> _Rank:
        order = self._wish.order
        price = place.price_nano_per_hour
        return (
            0 if order is None else order[place.region],
            place.is_emulated,
            price is None,
            price or 0,
            place.count,
            number,
        )


def gigabytes(amount: int) -> str:
    """Bytes for a person, as the names of accelerators count them."""
    return f"{amount / GB:.1f} GB"


def _lack(found: Fit) -> str:
    kind = short_name(found.accelerator)
    return (
        f"{found.count} x {kind} lack {gigabytes(found.missing_bytes)} in {found.precision}: each "
        f"needs {gigabytes(found.need.total_bytes)} and has {gigabytes(found.need.usable_bytes)}."
    )


def _region_fault(wish: Wish, region: Region) -> _Fault | None:
    ask = wish.ask
    if wish.order is not None and region.name not in wish.order:
        return Verdict.OTHER_REGION, f"Not among {', '.join(ask.regions)}."
    if wish.multi_region not in {MultiRegion.GLOBAL, region.multi_region}:
        return Verdict.OTHER_REGION, f"Not in {wish.multi_region}."
    if ask.cloud not in {"", region.cloud}:
        return Verdict.OTHER_CLOUD, f"Of {region.cloud}, not {ask.cloud}."
    lacking = ask.certifications - region.certifications
    if lacking:
        return Verdict.NOT_CERTIFIED, f"Not certified for {', '.join(sorted(lacking))}."
    return None


def _finding(region: Region, stock: Stock, fault: _Fault) -> Finding:
    verdict, why = fault
    return Finding(region=region.name, accelerator=stock.accelerator, verdict=verdict, why=why)
