"""Usage by whatever one asks: model, key, user, deployment, day of a zone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from hearth.billing.money import to_money
from hearth.billing.reports.types import (
    AccountUsage,
    DedicatedUsage,
    FilterOptions,
    LineItem,
    ServerlessUsage,
)
from hearth.billing.times import Span, read_span, read_zone
from hearth.errors import InvalidRequest
from hearth.kit.clock import from_ns
from hearth.kit.db import Database
from hearth.metering import Dimension, UsageQuery, UsageSum, day_starts, usage_sums
from hearth.pricing import Unit

MAX_ROWS = 50_000
"A report is one answer; what is longer is asked for in parts."


_E = TypeVar("_E", bound=StrEnum)


class UsageType(StrEnum):
    """Which usage a report is about."""

    ALL = "USAGE_TYPE_UNSPECIFIED"
    SERVERLESS = "SERVERLESS"
    DEDICATED = "DEDICATED_DEPLOYMENT"


class Group(StrEnum):
    """What usage may be grouped by."""

    MODEL = "model"
    KEY = "apiKey"
    USER = "user"
    DEPLOYMENT = "deployment"
    DAY = "day"


_DIMENSIONS: dict[Group, Dimension] = {
    Group.MODEL: "model",
    Group.KEY: "key",
    Group.USER: "user",
    Group.DEPLOYMENT: "deployment",
}


class UsageReport(Struct, frozen=True, kw_only=True):
    """What one asks of a usage report."""

    span: Span
    usage_type: UsageType
    zone: ZoneInfo
    "Whose days are meant."
    groups: frozenset[Group]


def read_usage_report(params: Mapping[str, str], group_by: Sequence[str]) -> UsageReport:
    """Read the query of a usage report; `groupBy` may be repeated or hold commas.

    Raises:
        InvalidRequest: a parameter is wrong; `param` says which.
    """
    names = [name.strip() for each in group_by for name in each.split(",") if name.strip()]
    return UsageReport(
        span=read_span(params),
        usage_type=_member(UsageType, params.get("usageType") or UsageType.ALL, "usageType"),
        zone=read_zone(params.get("timezone", "")),
        groups=frozenset(_member(Group, name, "groupBy") for name in names or [Group.MODEL]),
    )


async def account_usage(db: Database, account_id: str, report: UsageReport) -> AccountUsage:
    """What an account used, grouped as asked for.

    Raises:
        InvalidRequest: the report would be too long.
    """
    asked = [_DIMENSIONS[group] for group in Group if group in report.groups - {Group.DAY}]
    by: tuple[Dimension, ...] = ("unit", "price", "deployment", *asked)
    span = report.span
    splits: tuple[int, ...] = ()
    if Group.DAY in report.groups:
        splits = day_starts(span.start_ns, span.end_ns, report.zone)
    rows = await _sums(db, account_id, span, by, splits)
    if len(rows) > MAX_ROWS:
        raise InvalidRequest(
            f"groupBy: the report has more than {MAX_ROWS} rows; shorten it or group by less.",
            param="groupBy",
        )
    ends = dict(pairwise((span.start_ns, *splits, span.end_ns)))
    spanned = [(Span(from_ns(row.start_ns), from_ns(ends[row.start_ns])), row) for row in rows]
    serverless = [each for each in spanned if not each[1].deployment]
    dedicated = [each for each in spanned if each[1].deployment]
    wanted = report.usage_type
    return AccountUsage(
        serverless_costs=tuple(_serverless(serverless)) if wanted != UsageType.DEDICATED else (),
        dedicated_costs=tuple(_dedicated(dedicated)) if wanted != UsageType.SERVERLESS else (),
    )


async def billing_summary(db: Database, account_id: str, span: Span) -> list[LineItem]:
    """What an account owes for a time, by model and unit."""
    rows = await _sums(db, account_id, span, ("model", "unit", "deployment"))
    return [_line_item(row) for row in rows]


async def filter_options(
    db: Database, account_id: str, span: Span, usage_type: UsageType
) -> FilterOptions:
    """Which models, keys, users and deployments occur in a time."""
    rows = await _sums(db, account_id, span, ("model", "key", "user", "deployment"))
    if usage_type is not UsageType.ALL:
        is_dedicated = usage_type is UsageType.DEDICATED
        rows = [row for row in rows if bool(row.deployment) is is_dedicated]
    return FilterOptions(
        models=_distinct(row.model for row in rows),
        api_keys=_distinct(row.key_id for row in rows),
        users=_distinct(row.user_id for row in rows),
        deployments=_distinct(row.deployment for row in rows),
    )


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))


def read_usage_type(text: str) -> UsageType:
    """Raises `InvalidRequest` where there is no such type."""
    return _member(UsageType, text or UsageType.ALL, "usageType")


async def _sums(
    db: Database,
    account_id: str,
    span: Span,
    by: tuple[Dimension, ...],
    splits_ns: tuple[int, ...] = (),
) -> list[UsageSum]:
    query = UsageQuery(
        account_id=account_id,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        group_by=by,
        splits_ns=splits_ns,
    )
    return await usage_sums(db, query)


def _line_item(row: UsageSum) -> LineItem:
    quantity = row.prompt_tokens + row.completion_tokens or row.units
    return LineItem(
        category=row.unit,
        grouping_key="model",
        grouping_value=row.model,
        secondary_grouping_key="deployment" if row.deployment else "unit",
        secondary_grouping_value=row.deployment or row.unit,
        quantity=quantity,
        unit_amount=to_money((row.cost_nano + quantity // 2) // quantity if quantity else 0),
        total_cost=to_money(row.cost_nano),
    )


def _serverless(rows: Sequence[tuple[Span, UsageSum]]) -> Iterator[ServerlessUsage]:
    """What differs only in its price is one row."""
    merged: dict[tuple[Span, str, str, str, str], list[UsageSum]] = {}
    for span, row in rows:
        key = (span, row.model, row.key_id, row.user_id, row.unit)
        merged.setdefault(key, []).append(row)
    for (span, model, key_id, user_id, unit), same in merged.items():
        units = sum(row.units for row in same)
        yield ServerlessUsage(
            model_name=model,
            usage_type=unit,
            prompt_tokens=str(sum(row.prompt_tokens for row in same)),
            cached_prompt_tokens=str(sum(row.cached_tokens for row in same)),
            completion_tokens=str(sum(row.completion_tokens for row in same)),
            audio_input_seconds=units / 1000 if unit == "audio_ms" else 0.0,
            units=str(units),
            requests=str(sum(row.num_events for row in same)),
            start_time=span.start,
            end_time=span.end,
            api_key_id=key_id,
            user=user_id,
            cost=to_money(sum(row.cost_nano for row in same)),
        )


def _dedicated(rows: Sequence[tuple[Span, UsageSum]]) -> Iterator[DedicatedUsage]:
    """Always by deployment and price: its seconds have one, its requests none."""
    for span, row in rows:
        is_time = row.unit == Unit.GPU_SECONDS
        yield DedicatedUsage(
            deployment_id=row.deployment.rpartition("/")[2],
            accelerator_type=row.price.removeprefix("gpu-").upper() if is_time else "",
            accelerator_seconds=float(row.units if is_time else 0),
            model_name=row.model,
            prompt_tokens=str(row.prompt_tokens),
            completion_tokens=str(row.completion_tokens),
            requests=str(row.num_events),
            start_time=span.start,
            end_time=span.end,
            api_key_id=row.key_id,
            user=row.user_id,
            cost=to_money(row.cost_nano),
        )


def _member(kind: type[_E], text: str, param: str) -> _E:
    try:
        return kind(text)
    except ValueError as error:
        known = ", ".join(kind)
        raise InvalidRequest(f"{param}: {text[:40]!r} is none of {known}.", param=param) from error
