"""How many accelerators of a place hold a model: the fewest of the counts that may be tried."""

from __future__ import annotations

from dataclasses import dataclass

from hearth.deployments.placement.asks import Ask
from hearth.deployments.placement.decisions import MemoryNeed
from hearth.deployments.placement.memory import Load, estimate, usable_bytes, weights_bytes
from hearth.deployments.placement.precisions import default_precision
from hearth.deployments.placement.types import COUNTS, AcceleratorType, Precision, Stock


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """What was found for one kind of accelerator."""

    accelerator: AcceleratorType
    precision: Precision
    count: int
    "The fewest that fit, or the most that were tried."
    need: MemoryNeed
    "With that count."
    fits: bool
    smallest: int | None
    "The fewest of all `COUNTS` that fit, tried or not."

    @property
    def missing_bytes(self) -> int:
        """Over all accelerators."""
        return 0 if self.fits else self.need.missing_bytes * self.count


def precision_on(ask: Ask, asked: Precision | None, stock: Stock) -> Precision:
    """What is asked for; else the real engine's own choice, or what the accelerator does best."""
    if asked is not None:
        return asked
    if not stock.is_emulated and ask.engine_precisions:
        return ask.engine_precisions[0]
    return default_precision(stock.accelerator)


def fit(ask: Ask, precision: Precision, counts: tuple[int, ...], stock: Stock) -> Fit:
    """Try the counts in turn; of a processor there is only one."""
    model = ask.model
    context = model.context_tokens
    if ask.max_context_tokens is not None and context:
        context = min(context, ask.max_context_tokens)
    load = Load(
        model=model,
        precision=precision,
        context_tokens=context,
        full_contexts=ask.full_contexts,
        is_as_is=ask.has_own_weights
        and not stock.is_emulated
        and (not ask.precision or precision in ask.engine_precisions[:1]),
    )

    def needs(count: int) -> MemoryNeed:
        return estimate(load, count, stock.accelerator, stock.memory_bytes)

    tried = (1,) if stock.share_bytes else counts
    if not ask.check_size:
        return _found(stock, precision, tried[0], needs(tried[0]))
    usable, weights = usable_bytes(stock.accelerator, stock.memory_bytes), weights_bytes(load)

    def fits(count: int) -> bool:
        return weights < usable * count and not needs(count).missing_bytes

    for count in tried:
        if fits(count):
            return _found(stock, precision, count, needs(count))
    others = () if stock.share_bytes else COUNTS
    return Fit(
        accelerator=stock.accelerator,
        precision=precision,
        count=tried[-1],
        need=needs(tried[-1]),
        fits=False,
        smallest=next((count for count in others if fits(count)), None),
    )


def _found(stock: Stock, precision: Precision, count: int, need: MemoryNeed) -> Fit:
    return Fit(
        accelerator=stock.accelerator,
        precision=precision,
        count=count,
        need=need,
        fits=True,
        smallest=count,
    )


def taken_of(stock: Stock, count: int, need: MemoryNeed) -> int:
    """What a replica takes of a place: accelerators, or shares of the processor's memory."""
    return -(-need.total_bytes // stock.share_bytes) if stock.share_bytes else count
