"""Billing of this machine's Hearth, for commands that need no server; every change is audited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hearth.billing import Billing
    from hearth.pricing import Subject, Unit

credit = typer.Typer(help="Grant credit, make credit codes, correct bills.", no_args_is_help=True)
accounts = typer.Typer(help="Suspend accounts, and say how they pay.", no_args_is_help=True)


@asynccontextmanager
async def billing(account: str | None = None) -> AsyncIterator[Billing]:
    """All of billing; an account that is named is there.

    Raises:
        NotFound: it is not.
        SetupError: the database cannot be made or opened.
    """
    from hearth.accounts import AccountService
    from hearth.billing import Billing
    from hearth.cli.state import state
    from hearth.pricing import PriceBooks

    async with state() as db:
        if account is not None:
            await AccountService(db).get_account(account)
        books = PriceBooks(db)
        await books.refresh()
        yield Billing(db, books, _subject_of)


def _subject_of(model: str, unit: Unit) -> Subject | None:
    """What the catalogue, with the models of this machine, says of one."""
    from hearth.catalog import Catalog, Holdings, ModelStore, Remotes, subject_of
    from hearth.settings import load_settings

    home = load_settings().home_path
    known = Catalog.load().with_local(Holdings(ModelStore(home), Remotes(home)).list())
    found = known.resolve(model, model.removeprefix("accounts/").partition("/")[0])
    return None if found is None else subject_of(found, unit)


@credit.command()
def grant(account: str, usd: str, reason: str) -> None:
    """Give an account credit, such as what it paid in."""
    import asyncio

    from hearth.accounts import OPERATOR
    from hearth.billing import read_dollars

    async def do() -> str:
        async with billing(account) as part:
            amount = read_dollars(usd, param="USD")
            return (await part.credits.grant(account, amount, reason, OPERATOR)).id

    typer.echo(f"{asyncio.run(do())}: {usd} USD of credit for {account}.")


@credit.command(context_settings={"ignore_unknown_options": True})
def adjust(account: str, usd: str, reason: str) -> None:
    """Correct what an account owes: 5 in its favour, -5 against it."""
    import asyncio

    from hearth.accounts import OPERATOR
    from hearth.billing import read_dollars

    async def do() -> str:
        async with billing(account) as part:
            amount = read_dollars(usd, param="USD")
            return (await part.credits.adjust(account, amount, reason, OPERATOR)).id

    typer.echo(f"{asyncio.run(do())}: {usd} USD adjusted for {account}.")


@credit.command()
def code(usd: str, redemptions: int = 1, days: int = 0) -> None:
    """Make a credit code and print it: the only time that it is shown."""
    import asyncio
    from datetime import timedelta

    from hearth.accounts import OPERATOR
    from hearth.billing import read_dollars
    from hearth.kit.clock import utc_now

    async def do() -> str:
        async with billing() as part:
            return await part.codes.create(
                read_dollars(usd, param="USD"),
                max_redemptions=redemptions,
                expire_time=utc_now() + timedelta(days=days) if days > 0 else None,
                actor=OPERATOR,
            )

    made = asyncio.run(do())
    typer.echo(f"{usd} USD for each of {redemptions} accounts; it is not shown again:", err=True)
    typer.echo(made)


@accounts.command()
def suspend(account: str, reason: str = "FAILED_PAYMENTS") -> None:
    """Stop an account: FAILED_PAYMENTS or BLOCKED_BY_ABUSE_RULE."""
    _set_state(account, reason)


@accounts.command()
def resume(account: str) -> None:
    """Let a suspended account go on."""
    _set_state(account, "UNSUSPENDED")


@accounts.command()
def mode(account: str, mode: str) -> None:
    """Let an account pay by invoice (postpaid) or from credit alone (prepaid)."""
    import asyncio

    from hearth.accounts import OPERATOR
    from hearth.billing import Mode
    from hearth.errors import InvalidRequest

    if mode not in set(Mode):
        raise InvalidRequest(f"MODE: {mode!r} is none of {', '.join(Mode)}.", param="mode")

    async def do() -> None:
        async with billing(account) as part:
            await part.credits.set_mode(account, Mode(mode), OPERATOR)

    asyncio.run(do())
    typer.echo(f"{account} is {mode} now.")


def _set_state(account: str, text: str) -> None:
    import asyncio

    from hearth.accounts import OPERATOR
    from hearth.billing import SuspendState
    from hearth.errors import InvalidRequest

    if text not in set(SuspendState):
        raise InvalidRequest("reason: write FAILED_PAYMENTS or BLOCKED_BY_ABUSE_RULE.")

    async def do() -> None:
        async with billing(account) as part:
            await part.standing.set_suspended(account, SuspendState(text), OPERATOR)

    asyncio.run(do())
    typer.echo(f"{account} is {text} now.")
