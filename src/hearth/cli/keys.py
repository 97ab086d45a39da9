"""`hearth keys`: API keys made on this machine, such as the first one of profile `production`.

Whoever may write the database needs no key to make one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

import typer

if TYPE_CHECKING:
    from hearth.accounts import AccountService, ApiKey
    from hearth.kit.pages import ListQuery, Page

keys = typer.Typer(help="Make, list and disable API keys.", no_args_is_help=True)

FIRST_ACCOUNT, FIRST_USER = "main", "admin"
"Whose a key is where nobody says, and there is no dev account."

T = TypeVar("T")


class _Owned(NamedTuple):
    account_id: str
    user_id: str
    key: ApiKey


@keys.command()
def create(
    *,
    account: Annotated[
        str | None, typer.Option(help="Whose key it is: the dev account if there is one, or main.")
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="The user in it; made, as an admin, if missing.")
    ] = None,
    name: Annotated[str, typer.Option(help="How its owner recognises it.")] = "",
    expires: Annotated[
        int | None, typer.Option(metavar="DAYS", min=1, max=36500, help="Days that it is good for.")
    ] = None,
) -> None:
    """Make a key and print it: the only time that it is shown."""
    import asyncio

    owner = owner_of(account, user)

    async def make() -> tuple[ApiKey, str]:
        async with _accounts() as service:
            return await _create(service, owner, name, expires)

    key, secret = asyncio.run(make())
    typer.echo(f"{key.key_id} of {owner[0]}/{owner[1]}; it is not shown again:", err=True)
    typer.echo(secret)


@keys.command("list")
def list_keys(
    *, account: Annotated[str | None, typer.Option(help="Only this account's.")] = None
) -> None:
    """List the keys of all accounts, without their secrets."""
    import asyncio

    async def collect() -> list[_Owned]:
        async with _accounts() as service:
            return [each async for each in every_key(service, account)]

    for account_id, user_id, key in asyncio.run(collect()):
        until = f"until {key.expire_time:%Y-%m-%d}" if key.expire_time else "no end"
        state = "disabled" if key.disabled else until
        typer.echo(
            f"{key.key_id}  {account_id}/{user_id}  {key.prefix}...  {state}  {key.display_name}"
        )


@keys.command()
def disable(
    key_id: Annotated[
        str, typer.Argument(metavar="KEY_ID", help="As `hearth keys list` shows it.")
    ],
) -> None:
    """Let a key open nothing any more."""
    import asyncio

    from hearth.errors import NotFound

    async def find_and_disable() -> None:
        async with _accounts() as service:
            async for owned in every_key(service, None):
                if owned.key.key_id == key_id:
                    return await service.keys.disable(owned.account_id, owned.user_id, key_id)
        raise NotFound(f"There is no key {key_id[:80]!r}; `hearth keys list` shows all.")

    asyncio.run(find_and_disable())
    typer.echo(f"{key_id} is disabled.")


def owner_of(account: str | None, user: str | None) -> tuple[str, str]:
    """Whose key is made: what is named, else the dev user, else the first account's."""
    from hearth.accounts import read_credentials
    from hearth.cli.pull import CREDENTIALS
    from hearth.settings import load_settings

    settings = load_settings()
    if settings.profile == "dev" and (settings.home_path / CREDENTIALS).exists():
        dev = read_credentials(settings.home_path)
        if account in (None, dev.account_id):
            return dev.account_id, user or dev.user_id
    return account or FIRST_ACCOUNT, user or FIRST_USER


async def _create(
    service: AccountService, owner: tuple[str, str], name: str, days: int | None
) -> tuple[ApiKey, str]:
    """Make the key, and before it whatever of its owner is missing.

    Raises:
        InvalidRequest: no account or user may be called so.
    """
    from contextlib import suppress
    from datetime import timedelta

    from hearth.accounts import KeyCreate, Role, UserCreate
    from hearth.errors import Conflict
    from hearth.kit.clock import utc_now

    account_id, user_id = owner
    with suppress(Conflict):
        await service.create_account(account_id)
    with suppress(Conflict):
        await service.create_user(account_id, UserCreate(role=Role.ADMIN), user_id=user_id)
    expire_time = utc_now() + timedelta(days=days) if days else None
    spec = KeyCreate(display_name=name, expire_time=expire_time)
    return await service.keys.create(account_id, user_id, spec)


@asynccontextmanager
async def _accounts() -> AsyncIterator[AccountService]:
    """The accounts of this machine."""
    from hearth.accounts import AccountService
    from hearth.cli.state import state

    async with state() as db:
        yield AccountService(db)


async def every_key(service: AccountService, account: str | None) -> AsyncIterator[_Owned]:
    """Every key there is, or of one account, with its owner."""
    from functools import partial

    async for found in _every(partial(service.list_accounts, account_id=account)):
        account_id = found.name.rpartition("/")[2]
        async for user in _every(partial(service.list_users, account_id)):
            user_id = user.name.rpartition("/")[2]
            async for key in _every(partial(service.keys.list, account_id, user_id)):
                yield _Owned(account_id, user_id, key)


async def _every(list_page: Callable[[ListQuery], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    """Everything in a list, page by page."""
    from hearth.kit.pages import MAX_PAGE_SIZE, ListQuery

    token = ""
    while True:
        page = await list_page(ListQuery(page_size=MAX_PAGE_SIZE, page_token=token))
        for item in page.items:
            yield item
        token = page.next_page_token
        if not token:
            return
