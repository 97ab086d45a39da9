"""Invoices, one a month."""

from __future__ import annotations

from hearth.firectl.crud import getter, lister
from hearth.firectl.grammar import Column, Flag, Noun, Resource
from hearth.firectl.kinds import SWITCH

RESOURCE = Resource(
    collection="invoices",
    columns=(
        Column(title="id", path="id"),
        Column(title="amount due", path="amountDue"),
        Column(title="state", path="state"),
        Column(title="target time", path="targetTime"),
        Column(title="paid time", path="paidTime"),
        Column(title="type", path="type"),
    ),
)

NOUN = Noun(
    summary="Invoices, one a month.",
    commands=(
        lister(
            "invoice",
            RESOURCE,
            (
                Flag(
                    name="show-pending",
                    query="pending",
                    kind=SWITCH,
                    help="Also those that may still change.",
                ),
            ),
            "firectl list invoices --show-pending",
        ),
        getter("invoice", RESOURCE, "firectl get invoice 2026-11"),
    ),
)
