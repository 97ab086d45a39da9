"""Reads what is spent of every budget, by the same sums that decide about requests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Float,
    Subquery,
    and_,
    case,
    cast,
    column,
    func,
    select,
    table,
)
from sqlalchemy.exc import SQLAlchemyError

from hearth.errors import Unavailable
from hearth.kit.columns import TEXT
from hearth.kit.db import Connection, Database
from hearth.limits.store import quotas
from hearth.limits.types import WINDOWS, QuotaId
from hearth.limits.watch.types import THRESHOLDS, Budgets, FullBudgets, UsedBudget

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_SPEND_DAYS = table(  # of metering: what each subject spent on each day
    "spend_days",
    column("subject", TEXT),
    column("day", BigInteger),
    column("cost_nano", BigInteger),
)
_BUDGETS = [quota_id for quota_id, window in WINDOWS.items() if window in {"day", "month", "total"}]


async def read_budgets(db: Database, now: datetime, *, num_fullest: int) -> Budgets:
    """How full budgets are; those of nothing, which are no budgets but bans, are left out.

    Raises:
        Unavailable: the database cannot be reached, or broke off.
    """
    try:
        async with db.read() as conn:
            return await _read(conn, now, num_fullest)
    except SQLAlchemyError as error:
        raise Unavailable("How full budgets are cannot be read.", retry_after_s=1) from error


async def _read(conn: Connection, now: datetime, num_fullest: int) -> Budgets:
    used = _used(now)
    counts = [func.sum(case((used.c.share >= each, 1), else_=0)) for each in THRESHOLDS]
    grouped = select(used.c.quota_id, *counts).group_by(used.c.quota_id).order_by(used.c.quota_id)
    full = [
        FullBudgets(quota_id=QuotaId(row[0]), counts=tuple(map(int, row[1:])))
        for row in await conn.execute(grouped)
    ]
    if num_fullest == 0:
        return Budgets(full=tuple(full))
    fullest = (
        select(used.c.account_id, used.c.quota_id, used.c.share)
        .where(used.c.subject == "accounts/" + used.c.account_id)
        .order_by(used.c.share.desc(), used.c.account_id, used.c.quota_id)
        .limit(num_fullest)
    )
    named = [
        UsedBudget(account_id=row.account_id, quota_id=QuotaId(row.quota_id), share=row.share)
        for row in await conn.execute(fullest)
    ]
    return Budgets(full=tuple(full), fullest=tuple(named))


def _used(now: datetime) -> Subquery:
    """Every budget with the share of it that is spent."""
    in_window = and_(
        _SPEND_DAYS.c.subject == quotas.c.subject, _SPEND_DAYS.c.day >= _first_day(now)
    )
    spent = cast(func.coalesce(func.sum(_SPEND_DAYS.c.cost_nano), 0), Float)
    columns = [quotas.c.subject, quotas.c.quota_id, quotas.c.account_id, quotas.c.value]
    return (
        select(*columns, (spent / cast(quotas.c.value, Float)).label("share"))
        .select_from(quotas.outerjoin(_SPEND_DAYS, in_window))
        .where(quotas.c.quota_id.in_(_BUDGETS), quotas.c.value > 0)
        .group_by(*columns)
        .subquery()
    )


def _first_day(now: datetime) -> Any:  # Any: the type of SQLAlchemy's `case` is not public
    """The first day, since the epoch, that counts in the window of a row's quota."""
    today = (now - _EPOCH) // timedelta(days=1)
    first_days = {"day": today, "month": today - now.day + 1}
    by_quota = {
        quota_id.value: first_days[window]
        for quota_id, window in WINDOWS.items()
        if window in first_days
    }
    return cast(case(by_quota, value=quotas.c.quota_id, else_=0), BigInteger)
