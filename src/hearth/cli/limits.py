"""`hearth limits`: how much accounts, users and keys may spend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hearth.cli.billing import billing

if TYPE_CHECKING:
    from hearth.kit.db import Database
    from hearth.limits import QuotaId

limits = typer.Typer(help="Set and list limits on spending and speed.", no_args_is_help=True)

Dollars = Annotated[str | None, typer.Option(metavar="USD", help="Dollars, such as 0.01.")]
Key = Annotated[str | None, typer.Option(metavar="KEY_ID", help="Of this key.")]
Account = Annotated[
    str | None, typer.Option(metavar="ACCOUNT[/USER]", help="Of this account, or a user of it.")
]


@limits.command("set")
def set_limits(  # noqa: PLR0913 - the options of a command
    *,
    account: Account = None,
    key: Key = None,
    monthly_usd: Dollars = None,
    daily_usd: Dollars = None,
    total_usd: Dollars = None,
    rpm: Annotated[int | None, typer.Option(help="Requests per minute.")] = None,
    concurrent: Annotated[int | None, typer.Option(help="Requests that run at once.")] = None,
) -> None:
    """Set limits on what a key, a user or an account may spend, and how fast it may ask."""
    import asyncio

    from hearth.accounts import OPERATOR
    from hearth.billing import read_dollars
    from hearth.errors import InvalidRequest
    from hearth.limits import QuotaId

    asked = {
        QuotaId.MONTHLY_SPEND: monthly_usd,
        QuotaId.DAILY_SPEND: daily_usd,
        QuotaId.TOTAL_SPEND: total_usd,
    }
    values = {each: read_dollars(usd, param=each) for each, usd in asked.items() if usd is not None}
    counts = {QuotaId.REQUESTS: rpm, QuotaId.CONCURRENT_REQUESTS: concurrent}
    values |= {each: count for each, count in counts.items() if count is not None}
    if not values:
        raise InvalidRequest("Say which limit, such as --monthly-usd 10; --help shows them all.")

    async def do() -> str:
        async with billing() as part:
            subject = await _subject(part.db, account, key)
            for quota_id, value in values.items():
                await part.quotas.set(subject, quota_id, value, actor=OPERATOR)
            return subject

    subject = asyncio.run(do())
    for quota_id, value in values.items():
        typer.echo(f"{subject}/quotas/{quota_id} {_amount(quota_id, value)}")


@limits.command("list")
def list_limits(
    account: Annotated[
        str | None, typer.Argument(help="The dev account if there is one, or main.")
    ] = None,
) -> None:
    """List the limits of an account, its users and keys: value, spent, name."""
    import asyncio

    from hearth.cli.keys import owner_of

    account_id, _ = owner_of(account, None)

    async def do() -> list[str]:
        async with billing(account_id) as part:
            quotas = await part.quotas.list(account_id)
            used = [await part.quotas.usage(quota) for quota in quotas]
        return [
            f"{_amount(each.quota.quota_id, each.quota.value):>16}  "
            f"{_amount(each.quota.quota_id, each.spent):>16}  "
            f"{each.quota.subject}/quotas/{each.quota.quota_id}"
            for each in used
        ]

    for line in asyncio.run(do()):
        typer.echo(line)


def _amount(quota_id: QuotaId, value: int) -> str:
    from hearth.billing import dollars
    from hearth.limits import SPEND_QUOTAS

    return dollars(value) if quota_id in SPEND_QUOTAS else str(value)


async def _subject(db: Database, account: str | None, key: str | None) -> str:
    """Whose limits are meant, by full name; it is there.

    Raises:
        InvalidRequest: nobody is named.
        NotFound: there is nobody of this name.
    """
    from hearth.accounts import AccountService
    from hearth.cli.keys import every_key
    from hearth.errors import InvalidRequest, NotFound

    service = AccountService(db)
    if key is not None:
        async for owned in every_key(service, account):
            if owned.key.key_id == key:
                return f"accounts/{owned.account_id}/users/{owned.user_id}/apiKeys/{key}"
        raise NotFound(f"There is no key {key[:80]!r}; `hearth keys list` shows all.")
    if account is None:
        raise InvalidRequest("Say whose limit: --key or --account.")
    account_id, _, user_id = account.partition("/")
    if not user_id:
        return (await service.get_account(account_id)).name
    return (await service.get_user(account_id, user_id)).name
