"""Why no place was found, in one sentence with the remedy: the rule that excluded the last ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hearth.deployments.placement.accelerators import short_name
from hearth.deployments.placement.decisions import Refusal, RefusalKind, Verdict
from hearth.deployments.placement.rules import Rules, Study, gigabytes
from hearth.deployments.placement.types import COUNTS, MultiRegion

_ORDER: Final = list(Verdict)


def refuse(rules: Rules, study: Study) -> Refusal:
    """Say why nothing would do, whatever was free."""
    faults = list(rules.faults(study))
    if not faults:
        message = "The inventory has no accelerators. Add a region to it, or use this machine."
        return Refusal(kind=RefusalKind.NOT_ALLOWED, message=message)
    furthest = max((verdict for _, (verdict, _) in faults), key=_ORDER.index)
    return _SAID[furthest](rules, study)


def wait(study: Study, free: list[int]) -> Refusal:
    """Say that everything that would do is taken; so much is free of each."""
    most, option = max(zip(free, study.options, strict=True), key=lambda item: item[0])
    region, accelerator = option.key
    message = (
        f"{option.num_accelerators} x {short_name(accelerator)} for {study.wish.ask.model.id} are "
        f"taken in all {len(free)} places that would do; {region} has most free, {most}. It waits: "
        "scale something down, or allow more regions or accelerators."
    )
    return Refusal(kind=RefusalKind.NO_CAPACITY, message=message, param="placement")


def _not_allowed(rules: Rules, study: Study) -> Refusal:
    wish, ask = study.wish, study.wish.ask
    wanted = []
    if ask.regions:
        wanted.append(f"is {' or '.join(ask.regions)}")
    if wish.multi_region is not MultiRegion.GLOBAL:
        wanted.append(f"lies in {wish.multi_region}")
    if ask.cloud:
        wanted.append(f"is of {ask.cloud}")
    if ask.certifications:
        wanted.append(f"is certified for {', '.join(sorted(ask.certifications))}")
    fit = [r.name for r in rules.inventory.regions if ask.certifications <= r.certifications]
    hint = f"; certified are {', '.join(fit)}" if ask.certifications and fit else ""
    message = f"No region {' and '.join(wanted)}. Ask for fewer of these{hint}."
    return Refusal(kind=RefusalKind.NOT_ALLOWED, message=message, param="placement")


def _no_weights(_rules: Rules, study: Study) -> Refusal:
    name = study.wish.ask.model.id
    message = (
        f"The weights of {name} are not here, and a stand-in may not hold real accelerators. "
        f"Run `hearth pull {name}`, or allow an emulated region."
    )
    return Refusal(kind=RefusalKind.NO_WEIGHTS, message=message, param="baseModel")


def _no_accelerator(rules: Rules, study: Study) -> Refusal:
    wanted = study.wish.accelerator
    assert wanted is not None, "only a named accelerator is another one"
    there = {
        accelerator
        for (_, accelerator), (verdict, _) in rules.faults(study)
        if verdict is Verdict.OTHER_ACCELERATOR
    }
    having = [
        region.name
        for region in rules.inventory.regions
        if any(stock.accelerator is wanted for stock in region.stocks)
    ]
    where = f"it is in {', '.join(having)}" if having else "no region has it"
    message = (
        f"The places that are allowed have no {short_name(wanted)}, only "
        f"{', '.join(sorted(map(short_name, there)))}; {where}. Name another accelerator or region."
    )
    return Refusal(kind=RefusalKind.NO_ACCELERATOR, message=message, param="acceleratorType")


def _precision(_rules: Rules, study: Study) -> Refusal:
    can = ", ".join(precision.lower() for precision in study.wish.ask.engine_precisions)
    message = (
        f"The engine here cannot serve {study.wish.ask.model.id} in {study.wish.precision}. "
        f"Use one of {can}, or leave the precision out."
    )
    return Refusal(kind=RefusalKind.PRECISION, message=message, param="precision")


def _does_not_fit(rules: Rules, study: Study) -> Refusal:
    wish = study.wish
    best = min(rules.misfits(study), key=lambda found: found.missing_bytes)
    kind = short_name(best.accelerator)
    if best.smallest is not None:
        remedy = f"Use {best.smallest} of them"
    elif len(wish.counts) > 1 or wish.counts == COUNTS[-1:]:
        remedy = "Ask for a lower precision, a shorter maximum context or larger accelerators"
    else:
        remedy = f"Not even {COUNTS[-1]} hold it: lower the precision or the maximum context"
    have = gigabytes(best.need.usable_bytes * best.count)
    message = (
        f"{wish.ask.model.id} in {best.precision} does not fit on {best.count} x {kind}: it "
        f"needs {gigabytes(best.need.total_bytes * best.count)}, {have} are usable and "
        f"{gigabytes(best.missing_bytes)} are missing. {remedy}."
    )
    return Refusal(
        kind=RefusalKind.DOES_NOT_FIT,
        message=message,
        param="acceleratorCount",
        missing_bytes=best.missing_bytes,
        smallest_count=best.smallest,
    )


def _too_small(rules: Rules, study: Study) -> Refusal:
    told = "; ".join(
        f"{region}, {short_name(accelerator)}: {why}"
        for (region, accelerator), (verdict, why) in rules.faults(study)
        if verdict is Verdict.TOO_SMALL
    )
    message = (
        f"No place is large enough for one replica of {study.wish.ask.model.id} ({told}) "
        "Ask for fewer accelerators, or allow more regions."
    )
    return Refusal(kind=RefusalKind.TOO_SMALL, message=message, param="acceleratorCount")


_SAID: Final[dict[Verdict, Callable[[Rules, Study], Refusal]]] = {
    Verdict.OTHER_REGION: _not_allowed,
    Verdict.OTHER_CLOUD: _not_allowed,
    Verdict.NOT_CERTIFIED: _not_allowed,
    Verdict.NO_WEIGHTS: _no_weights,
    Verdict.OTHER_ACCELERATOR: _no_accelerator,
    Verdict.PRECISION: _precision,
    Verdict.DOES_NOT_FIT: _does_not_fit,
    Verdict.TOO_SMALL: _too_small,
}
