"""What became of every place, in words."""

from __future__ import annotations

from hearth.deployments.placement.decisions import Finding, Verdict
from hearth.deployments.placement.rules import Option, Rules, Study
from hearth.pricing import format_usd


def explain(
    rules: Rules, study: Study, free_seen: tuple[int, ...], *, is_placed: bool
) -> tuple[Finding, ...]:
    """Every place of the inventory once: those that would do, best first, then the others.

    Args:
        free_seen: what was free of the options, as far as they were tried; where `is_placed`, the
            last of them was taken.
    """
    findings = []
    for number, option in enumerate(study.options):
        region, accelerator = option.key
        verdict, why = _fate(option, number, free_seen, is_placed)
        findings.append(Finding(region=region, accelerator=accelerator, verdict=verdict, why=why))
    for (region, accelerator), (verdict, why) in rules.faults(study):
        findings.append(Finding(region=region, accelerator=accelerator, verdict=verdict, why=why))
    return tuple(findings)


def _fate(
    option: Option, number: int, free_seen: tuple[int, ...], is_placed: bool
) -> tuple[Verdict, str]:
    what = f"{option.num_accelerators} x {option.key[1]}, {_cost(option)}."
    if number >= len(free_seen):
        return Verdict.NOT_NEEDED, f"Would do, after the chosen one: {what}"
    if is_placed and number == len(free_seen) - 1:
        return Verdict.CHOSEN, f"The best of those that would do: {what}"
    return Verdict.FULL, f"{free_seen[number]} free, {option.taken} needed."


def _cost(option: Option) -> str:
    return "not priced" if option.is_unpriced else f"{format_usd(option.price_nano)} per hour"
