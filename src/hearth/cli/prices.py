"""`hearth prices`: what things cost, and how an operator changes it.

Whoever may write the database needs no key to add a book; every addition is in the audit log.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hearth.kit.db import Database
    from hearth.pricing import AddedBook, PriceBook, PriceBooks

prices = typer.Typer(help="Show prices, and add price books.", no_args_is_help=True)


@prices.command()
def show(
    *,
    account: Annotated[str | None, typer.Option(help="As this account pays.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Then, such as 2027-01-31T12:00:00Z.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="This book, in force or not.")] = None,
) -> None:
    """Print the prices in force."""
    import asyncio

    from hearth.cli.price_tables import print_book
    from hearth.kit.clock import utc_now

    moment = _moment(at) if at else utc_now()
    print_book(asyncio.run(_find(account, moment, version)))


@prices.command("list")
def list_books() -> None:
    """List the price books: for whom each is, and from when on."""
    import asyncio

    from hearth.cli.price_tables import print_books
    from hearth.cli.state import state

    async def collect() -> PriceBooks:
        async with state() as db:
            return await _books(db)

    print_books(asyncio.run(collect()))


@prices.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A price book in TOML.")],
    *,
    account: Annotated[
        str | None, typer.Option(help="Only for this account: its own price plan.")
    ] = None,
) -> None:
    """Add a price book; it takes effect when it says, or at once."""
    import asyncio

    from hearth.kit.clock import to_rfc3339

    added = asyncio.run(_add(_read(file), account))
    whom = f"account {account}" if account else "every account without a plan of its own"
    begin = to_rfc3339(added.book.effective_time)
    typer.echo(f"{added.book.version} prices {whom} from {begin} on.")


async def _add(text: str, account: str | None) -> AddedBook:
    """Check the book, keep it and log it, all or nothing.

    Raises:
        InvalidRequest: naming the field of the book that does not fit.
        NotFound: there is no such account.
        Conflict: its version or its effective time is taken.
    """
    from hearth.accounts import OPERATOR, AuditEntry, record
    from hearth.cli.state import state
    from hearth.kit.clock import utc_now
    from hearth.pricing import EVERYONE, Source, add_book, parse_book

    resource = f"accounts/{account}/priceBooks" if account else "priceBooks"
    async with state() as db:
        books = await _books(db, account)
        now = utc_now()
        book = parse_book(text, Source(now=now, book=books.version, is_model=_model_names()))
        async with db.write() as conn:
            added = await add_book(conn, book, account_id=account or EVERYONE, now=now)
            entry = AuditEntry(
                actor=OPERATOR,
                method="CreatePriceBook",
                resource=f"{resource}/{book.version}",
                payload=book,
            )
            await record(conn, entry)
    return added


async def _find(account: str | None, moment: datetime, version: str | None) -> PriceBook:
    """The book of that version, or else the one in force then.

    Raises:
        NotFound: there is no such book or account.
    """
    from hearth.cli.state import state
    from hearth.errors import NotFound
    from hearth.kit.clock import to_ns
    from hearth.pricing import EVERYONE

    async with state() as db:
        books = await _books(db, account)
    if version is None:
        return books.at(account or EVERYONE, to_ns(moment))
    book = books.version(version)
    if book is None:
        raise NotFound(f"There is no price book {version!r}; `hearth prices list` shows all.")
    return book


async def _books(db: Database, account: str | None = None) -> PriceBooks:
    """Every book; of an account that is named it is seen that there is one."""
    from hearth.accounts import AccountService
    from hearth.pricing import PriceBooks

    if account:
        await AccountService(db).get_account(account)
    books = PriceBooks(db)
    await books.refresh()
    return books


def _model_names() -> Callable[[str], bool]:
    """Tells whether a full name is a model's, of the catalogue or of this machine."""
    from hearth.catalog import Catalog, Holdings, ModelStore, Remotes
    from hearth.settings import load_settings

    home = load_settings().home_path
    held = Holdings(ModelStore(home), Remotes(home)).list()
    names = {model.name for model in Catalog.load().with_local(held).models}
    return names.__contains__


def _read(file: Path) -> str:
    from hearth.errors import SetupError

    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"The price book {file} cannot be read: {error}.") from error


def _moment(text: str) -> datetime:
    from hearth.errors import InvalidRequest
    from hearth.kit.clock import from_rfc3339

    try:
        return from_rfc3339(text)
    except ValueError as error:
        raise InvalidRequest(f"--at: {error}.", param="at") from error
