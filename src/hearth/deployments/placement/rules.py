"""The rules, in order: which places would do for an ask, whatever is free, and which come first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from hearth.deployments.placement.accelerators import GB, short_name
from hearth.deployments.placement.decisions import Place, Verdict
from hearth.deployments.placement.fitting import Fit, fit, precision_on, taken_of
from hearth.deployments.placement.types import (
    AcceleratorType,
    Inventory,
    MultiRegion,
    PlaceKey,
    Prices,
    Region,
    Stock,
)
from hearth.deployments.placement.wishes import Wish

Fault = tuple[Verdict, str]
"What excludes a place, and a sentence about it."


class Option(NamedTuple):
    """A place that would do; they sort as they are preferred."""

    order: int
    "As the regions are asked for."
    is_emulated: bool
    is_unpriced: bool
    price_nano: int
    num_accelerators: int
    site: int
    "In the inventory's order; no two places have the same."
    taken: int
    key: PlaceKey


class _Site(NamedTuple):
    """A place of the inventory."""

    region: Region
    stock: Stock
    key: PlaceKey
    number: int
    "Of its region."
    kind: int
    "Of the stocks that differ in their count at most: what is found for one serves all."


class _Suits(NamedTuple):
    """What is found for one kind of accelerator that would do."""

    fit: Fit
    taken: int
    price_nano: int | None


@dataclass(frozen=True, slots=True)
class Study:
    """What can be said of an ask before looking at what is free."""

    wish: Wish
    options: list[Option]
    "Best first."
    kinds: dict[int, _Suits | Fault]
    "By `_Site.kind`, of those in the regions that are allowed."


class Rules:
    """The rules of one inventory at one set of prices."""

    def __init__(self, inventory: Inventory, prices: Prices) -> None:
        self.inventory = inventory
        self._prices = prices
        every = [_traits(stock) for region in inventory.regions for stock in region.stocks]
        kinds = {traits: number for number, traits in enumerate(dict.fromkeys(every))}
        self._sites = [
            _Site(region, stock, (region.name, stock.accelerator), number, kinds[_traits(stock)])
            for number, region in enumerate(inventory.regions)
            for stock in region.stocks
        ]

    def study(self, wish: Wish) -> Study:
        """Try the rules on every place."""
        outside = [_region_fault(wish, region) for region in self.inventory.regions]
        kinds: dict[int, _Suits | Fault] = {}
        options: list[Option] = []
        for number, site in enumerate(self._sites):
            if outside[site.number]:
                continue
            found = kinds.get(site.kind)
            if found is None:
                found = kinds[site.kind] = self._judge(wish, site.stock)
            if isinstance(found, _Suits) and found.taken <= site.stock.count:
                options.append(_option(wish, site, number, found))
        options.sort()
        return Study(wish, options, kinds)

    def faults(self, study: Study) -> Iterator[tuple[PlaceKey, Fault]]:
        """What excludes the places that are no option."""
        for site in self._sites:
            fault = _region_fault(study.wish, site.region)
            found = study.kinds.get(site.kind)
            if fault is None and isinstance(found, _Suits) and found.taken > site.stock.count:
                why = f"{site.stock.count} there in all, {found.taken} needed."
                fault = Verdict.TOO_SMALL, why
            elif fault is None and isinstance(found, tuple) and not isinstance(found, _Suits):
                fault = found
            if fault is not None:
                yield site.key, fault

    def place(self, study: Study, option: Option) -> Place:
        """An option in full."""
        region, kind, _, _, number = self._sites[option.site]
        suits = study.kinds[number]
        assert isinstance(suits, _Suits), "an option suits"
        can = study.wish.ask.engine_precisions
        precision = suits.fit.precision
        return Place(
            region=region.name,
            contract_region=region.contract_region,
            cloud=region.cloud,
            accelerator=kind.accelerator,
            count=option.num_accelerators,
            taken=option.taken,
            is_emulated=kind.is_emulated,
            precision=precision,
            is_precision_emulated=kind.is_emulated and bool(can) and precision not in can,
            price_nano_per_hour=suits.price_nano,
            memory=suits.fit.need,
            note=_note(study.wish, suits.fit),
        )

    def misfits(self, study: Study) -> list[Fit]:
        """What only the model's size rules out."""
        wish = study.wish
        stocks = {site.kind: site.stock for site in self._sites}
        kinds = [
            stocks[kind]
            for kind, found in study.kinds.items()
            if not isinstance(found, _Suits) and found[0] is Verdict.DOES_NOT_FIT
        ]
        return [
            fit(wish.ask, precision_on(wish.ask, wish.precision, kind), wish.counts, kind)
            for kind in kinds
        ]

    def _judge(self, wish: Wish, kind: Stock) -> _Suits | Fault:
        ask = wish.ask
        if not (kind.is_emulated or ask.has_own_weights):
            return Verdict.NO_WEIGHTS, "It is real, and only a stand-in for the model is here."
        if wish.accelerator not in {None, kind.accelerator}:
            return Verdict.OTHER_ACCELERATOR, f"Not {wish.accelerator}."
        precision = precision_on(ask, wish.precision, kind)
        can = ask.engine_precisions
        if not kind.is_emulated and can and precision not in can:
            return Verdict.PRECISION, f"The engine cannot do {precision}, only {', '.join(can)}."
        found = fit(ask, precision, wish.counts, kind)
        if not found.fits:
            return Verdict.DOES_NOT_FIT, _lack(found)
        # A processor is the operator's own and costs nothing, unless it is priced.
        free = 0 if kind.accelerator is AcceleratorType.CPU else None
        price = self._prices.get(kind.accelerator, free)
        total = None if price is None else price * found.count
        return _Suits(found, taken_of(kind, found.count, found.need), total)


def gigabytes(amount: int) -> str:
    """Bytes for a person, as the names of accelerators count them."""
    return f"{amount / GB:.1f} GB"


def _traits(stock: Stock) -> Stock:
    """The same stock without its count."""
    return replace(stock, count=1)


def _option(wish: Wish, site: _Site, number: int, found: _Suits) -> Option:
    order = wish.order
    return Option(
        0 if order is None else order[site.region.name],
        site.stock.is_emulated,
        found.price_nano is None,
        found.price_nano or 0,
        found.fit.count,
        number,
        found.taken,
        site.key,
    )


def _note(wish: Wish, found: Fit) -> str:
    asked = wish.ask.count
    if asked is None or found.count == asked:
        return ""
    if found.accelerator is AcceleratorType.CPU:
        return "This machine has one processor; its memory is shared."
    return (
        f"Raised from {asked} to {found.count} x {short_name(found.accelerator)}: "
        f"{wish.ask.model.id} needs {gigabytes(found.need.total_bytes * found.count)} in "
        f"{found.precision}."
    )


def _lack(found: Fit) -> str:
    return (
        f"{found.count} x {short_name(found.accelerator)} lack {gigabytes(found.missing_bytes)} in "
        f"{found.precision}: each needs {gigabytes(found.need.total_bytes)} and has "
        f"{gigabytes(found.need.usable_bytes)}."
    )


def _region_fault(wish: Wish, region: Region) -> Fault | None:
    ask = wish.ask
    if wish.order is not None and region.name not in wish.order:
        return Verdict.OTHER_REGION, f"Not among {', '.join(ask.regions)}."
    if wish.multi_region not in {MultiRegion.GLOBAL, region.multi_region}:
        return Verdict.OTHER_REGION, f"Not in {wish.multi_region}."
    if ask.cloud not in {"", region.cloud}:
        return Verdict.OTHER_CLOUD, f"Of {region.cloud}, not {ask.cloud}."
    if not ask.certifications <= region.certifications:
        lacking = ", ".join(sorted(ask.certifications - region.certifications))
        return Verdict.NOT_CERTIFIED, f"Not certified for {lacking}."
    return None
