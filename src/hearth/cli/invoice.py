"""`hearth invoice` and `hearth usage`: what accounts owe, and for what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hearth.cli.billing import billing

if TYPE_CHECKING:
    from hearth.billing import Usage, WhatIf

invoice = typer.Typer(help="Show, issue and price again the invoices.", no_args_is_help=True)

Month = Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-01, of UTC.")]


@invoice.command()
def show(
    account: str,
    month: Month,
    *,
    form: Annotated[str, typer.Option("--format", help="json, csv or html.")] = "json",
) -> None:
    """Print the invoice of a month, as it was issued or as it would be now."""
    import asyncio

    from hearth.billing import invoice_csv, invoice_json, invoice_page
    from hearth.errors import InvalidRequest

    forms = {"json": invoice_json, "csv": invoice_csv, "html": invoice_page}
    if form not in forms:
        raise InvalidRequest(f"--format: {form!r} is none of {', '.join(forms)}.")

    async def do() -> bytes:
        async with billing(account) as part:
            return forms[form](await part.invoices.get(account, month))

    sys.stdout.buffer.write(asyncio.run(do()))


@invoice.command()
def issue(account: str, month: Month) -> None:
    """Fix the invoice of a month that has ended: it never changes again."""
    import asyncio

    from hearth.accounts import OPERATOR
    from hearth.billing import invoice_json

    async def do() -> bytes:
        async with billing(account) as part:
            return invoice_json(await part.invoices.issue(account, month, OPERATOR))

    sys.stdout.buffer.write(asyncio.run(do()))


@invoice.command("what-if")
def what_if(account: str, month: Month, price_book: str) -> None:
    """Tell what a month would have cost under another price book."""
    import asyncio

    from hearth.billing import dollars, from_money

    async def do() -> WhatIf:
        async with billing(account) as part:
            return await part.repricing.what_if(account, month, price_book)

    found = asyncio.run(do())
    amounts = (
        *((line.cost, line.cost_then, f"{line.model} ({line.unit})") for line in found.line_items),
        (found.cost, found.cost_then, "in all"),
    )
    for cost, then, name in amounts:
        pair = (dollars(from_money(each, param="cost")) for each in (cost, then))
        typer.echo("{:>16}  {:>16}  {}".format(*pair, name))


def usage(
    account: str,
    month: Month,
    *,
    by: Annotated[str, typer.Option(help="model, apiKey, user, deployment or day.")] = "model",
) -> None:
    """Print what an account used in a month, as a table."""
    import asyncio

    async def do() -> list[Usage]:
        async with billing(account) as part:
            return await part.usage_table(account, month, by)

    for row in asyncio.run(do()):
        typer.echo(f"{row.cost_usd:>16}  {row.requests:>10}  {row.tokens:>14}  {row.name}")
