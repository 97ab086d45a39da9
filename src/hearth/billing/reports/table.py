"""A usage report as rows for people."""

from __future__ import annotations

from typing import NamedTuple

from hearth.billing.money import Money, dollars, from_money
from hearth.billing.reports.types import AccountUsage, DedicatedUsage, ServerlessUsage


class Usage(NamedTuple):
    """What was used under one name."""

    name: str
    requests: str
    tokens: int
    cost_usd: str


def table(report: AccountUsage, by: str) -> list[Usage]:
    """The rows of a report that is grouped by one thing."""
    rows: list[ServerlessUsage | DedicatedUsage] = [
        *report.serverless_costs,
        *report.dedicated_costs,
    ]
    return [
        Usage(
            _name(row, by),
            row.requests,
            int(row.prompt_tokens) + int(row.completion_tokens),
            _usd(row.cost),
        )
        for row in rows
    ]


def _name(row: ServerlessUsage | DedicatedUsage, by: str) -> str:
    deployment = row.deployment_id if isinstance(row, DedicatedUsage) else ""
    names = {
        "model": row.model_name,
        "apiKey": row.api_key_id,
        "user": row.user,
        "day": f"{row.start_time:%Y-%m-%d}",
        "deployment": deployment,
    }
    name = names.get(by, "")
    return name or deployment or "-"


def _usd(money: Money) -> str:
    return dollars(from_money(money, param="cost"))
