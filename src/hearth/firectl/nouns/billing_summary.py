"""What was used in a time, by model and unit, and what it cost."""

from __future__ import annotations

from hearth.firectl.call import Call
from hearth.firectl.grammar import Column, Command, Noun, Resource
from hearth.firectl.names import path_of
from hearth.firectl.spans import FLAGS, query_with_span

RESOURCE = Resource(
    collection="billing/summary",
    columns=(
        Column(title="category", path="category"),
        Column(title="by", path="groupingKey"),
        Column(title="value", path="groupingValue"),
        Column(title="then by", path="secondaryGroupingKey"),
        Column(title="value", path="secondaryGroupingValue"),
        Column(title="quantity", path="quantity"),
        Column(title="unit amount", path="unitAmount"),
        Column(title="total cost", path="totalCost"),
    ),
)


def _get(call: Call) -> None:
    path = path_of(f"accounts/{call.account_id()}/billing/summary")
    body = call.send("GET", path, query=query_with_span(call))
    call.show_list(body.get("lineItems") or [])


NOUN = Noun(
    summary="The billing summary says what was used in a time, and what it cost.",
    commands=(
        Command(
            verb="get",
            summary="Show what was used in a time, by model and unit.",
            run=_get,
            flags=FLAGS,
            resource=RESOURCE,
            examples=("firectl get billing-summary --start-time 2026-11-01",),
        ),
    ),
)
