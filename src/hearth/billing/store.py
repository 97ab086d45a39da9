"""The tables of billing: everything that moves money beside usage."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Table,
    func,
    insert,
    literal,
    select,
    text,
    update,
)

from hearth.billing.types import (
    BillingAccount,
    Entry,
    EntryKind,
    Issued,
    Mode,
    Redemption,
    SuspendState,
)
from hearth.kit.columns import TEXT
from hearth.kit.db import Connection, metadata
from hearth.kit.fields import Fields
from hearth.kit.pages import ListQuery, Page, fetch_page

billing_accounts = Table(
    "billing_accounts",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("mode", TEXT, nullable=False),  # postpaid or prepaid
    Column("suspend_state", TEXT, nullable=False),  # what an operator set; limits are derived
)

credit_entries = Table(  # append-only
    "credit_entries",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("kind", TEXT, nullable=False),  # credit, adjustment, redemption, opening
    Column("amount_nano", BigInteger, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("principal", TEXT, nullable=False),
    Index("ix_credit_entries_account_id_time_ns", "account_id", "time_ns"),
)

credit_codes = Table(
    "credit_codes",
    metadata,
    Column("digest", TEXT, primary_key=True),
    Column("amount_nano", BigInteger, nullable=False),
    Column("max_redemptions", BigInteger, nullable=False),
    Column("create_time_ns", BigInteger, nullable=False),
    Column("expire_time_ns", BigInteger, nullable=True),
)

credit_redemptions = Table(
    "credit_redemptions",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("digest", TEXT, primary_key=True),
    Column("time_ns", BigInteger, nullable=False),
    ForeignKeyConstraint(["digest"], ["credit_codes.digest"]),
)

invoices = Table(  # those that were issued; a draft is computed whenever somebody looks
    "invoices",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("month", TEXT, primary_key=True),
    Column("issue_time_ns", BigInteger, nullable=False),
    Column("total_nano", BigInteger, nullable=False),
    Column("sha256", TEXT, nullable=False),
)

_DEFAULT = text(
    "INSERT INTO billing_accounts (account_id, mode, suspend_state) "
    "VALUES (:account_id, 'postpaid', 'UNSUSPENDED') ON CONFLICT (account_id) DO NOTHING"
)
_REDEMPTION_FIELDS: Fields = {
    "name": literal("accounts/", TEXT)
    + credit_redemptions.c.account_id
    + "/creditRedemptions/"
    + func.substr(credit_redemptions.c.digest, 1, 16, type_=TEXT),
    "create_time": credit_redemptions.c.time_ns,
}


async def lock_account(conn: Connection, account_id: str) -> BillingAccount:
    """The account as it stands, which nobody else moves until this transaction ends.

    Whatever moves an account's money beside usage locks it first: credits, modes, invoices.
    """
    await conn.execute(_DEFAULT, {"account_id": account_id})
    query = select(billing_accounts).where(billing_accounts.c.account_id == account_id)
    row = (await conn.execute(query.with_for_update())).one()
    return _account(row.account_id, row.mode, row.suspend_state)


async def get_account(conn: Connection, account_id: str) -> BillingAccount:
    """The account as it stands; one that nothing was said of is post-paid."""
    query = select(billing_accounts).where(billing_accounts.c.account_id == account_id)
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        return BillingAccount(account_id=account_id)
    return _account(row.account_id, row.mode, row.suspend_state)


async def update_account(conn: Connection, account: BillingAccount) -> None:
    """Keep how an account pays; it was locked before."""
    await conn.execute(
        update(billing_accounts)
        .where(billing_accounts.c.account_id == account.account_id)
        .values(mode=account.mode.value, suspend_state=account.suspend_state.value)
    )


async def insert_entry(conn: Connection, entry: Entry) -> None:
    """Add an entry; the account was locked before."""
    await conn.execute(
        insert(credit_entries).values(
            id=entry.id,
            account_id=entry.account_id,
            time_ns=entry.time_ns,
            kind=entry.kind.value,
            amount_nano=entry.amount_nano,
            reason=entry.reason,
            principal=entry.principal,
        )
    )


async def list_entries(conn: Connection, account_id: str, *, until_ns: int) -> list[Entry]:
    """The entries of an account before a moment, in order."""
    columns = credit_entries.c
    query = (
        select(credit_entries)
        .where(columns.account_id == account_id, columns.time_ns < until_ns)
        .order_by(columns.time_ns, columns.id)
    )
    return [
        Entry(
            id=row.id,
            account_id=row.account_id,
            time_ns=row.time_ns,
            kind=EntryKind(row.kind),
            amount_nano=row.amount_nano,
            reason=row.reason,
            principal=row.principal,
        )
        for row in await conn.execute(query)
    ]


async def sum_entries(conn: Connection, account_id: str) -> int:
    """All that the entries of an account add up to."""
    total = func.coalesce(func.sum(credit_entries.c.amount_nano), 0)
    query = select(func.cast(total, BigInteger)).where(credit_entries.c.account_id == account_id)
    return int((await conn.execute(query)).scalar_one())


async def insert_code(
    conn: Connection,
    *,
    digest: str,
    amount_nano: int,
    max_redemptions: int,
    times_ns: tuple[int, int | None],
) -> None:
    """Keep a code by its digest; the times are its creation and its expiry."""
    await conn.execute(
        insert(credit_codes).values(
            digest=digest,
            amount_nano=amount_nano,
            max_redemptions=max_redemptions,
            create_time_ns=times_ns[0],
            expire_time_ns=times_ns[1],
        )
    )


async def lock_code(conn: Connection, digest: str) -> tuple[int, int, int | None] | None:
    """Amount, most redemptions and expiry of a code, which nobody else redeems meanwhile."""
    query = select(credit_codes).where(credit_codes.c.digest == digest).with_for_update()
    row = (await conn.execute(query)).one_or_none()
    return row and (row.amount_nano, row.max_redemptions, row.expire_time_ns)


async def list_redeemers(conn: Connection, digest: str) -> Sequence[str]:
    """The accounts that have redeemed a code."""
    query = select(credit_redemptions.c.account_id).where(credit_redemptions.c.digest == digest)
    return (await conn.execute(query)).scalars().all()


async def insert_redemption(
    conn: Connection, *, account_id: str, digest: str, time_ns: int
) -> None:
    """Note that an account has redeemed a code."""
    await conn.execute(
        insert(credit_redemptions).values(account_id=account_id, digest=digest, time_ns=time_ns)
    )


async def list_redemptions(conn: Connection, account_id: str, query: ListQuery) -> Page[Redemption]:
    """A page of the codes that an account has redeemed."""
    redeemed, codes = credit_redemptions.c, credit_codes.c
    rows = (
        select(redeemed.digest, redeemed.time_ns, codes.amount_nano)
        .join(credit_codes, codes.digest == redeemed.digest)
        .where(redeemed.account_id == account_id)
    )
    page = await fetch_page(conn, rows, _REDEMPTION_FIELDS, ["create_time", "name"], query)
    return page.map(
        lambda row: Redemption(digest=row.digest, time_ns=row.time_ns, amount_nano=row.amount_nano)
    )


async def insert_invoice(conn: Connection, issued: Issued) -> None:
    """Keep what an invoice was when it was issued; the account was locked before."""
    await conn.execute(
        insert(invoices).values(
            account_id=issued.account_id,
            month=issued.month,
            issue_time_ns=issued.issue_time_ns,
            total_nano=issued.total_nano,
            sha256=issued.sha256,
        )
    )


async def list_issued(conn: Connection, account_id: str) -> list[Issued]:
    """The invoices that were issued to an account, by month."""
    query = select(invoices).where(invoices.c.account_id == account_id).order_by(invoices.c.month)
    return [
        Issued(
            account_id=row.account_id,
            month=row.month,
            issue_time_ns=row.issue_time_ns,
            total_nano=row.total_nano,
            sha256=row.sha256,
        )
        for row in await conn.execute(query)
    ]


def _account(account_id: str, mode: str, suspend_state: str) -> BillingAccount:
    return BillingAccount(
        account_id=account_id, mode=Mode(mode), suspend_state=SuspendState(suspend_state)
    )
