"""The accounts every Hearth has, and the key that a developer finds ready at first start.

The key is written to its file before it is registered: stopped between the two, the next start
finds a file whose key nobody knows, and makes another.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from hearth.accounts.audit import HEARTH
from hearth.accounts.keys import new_secret
from hearth.accounts.roles import Role
from hearth.accounts.service import AccountService
from hearth.accounts.types import KeyCreate, UserCreate
from hearth.errors import Conflict, SetupError

CATALOGUE_ACCOUNT = "fireworks"
DEV = "dev"
FILE_NAME = "credentials.json"


class Credentials(Struct, frozen=True, kw_only=True):
    """What a client needs to call this Hearth."""

    account_id: str
    user_id: str
    api_key: str
    base_url: str

    def __repr__(self) -> str:
        return f"Credentials({self.account_id}, {self.user_id}, {self.base_url})"


async def bootstrap(
    service: AccountService, home: Path, profile: Literal["dev", "production"], base_url: str
) -> Credentials | None:
    """Make what is missing: the account that owns the catalogue and, in `dev`, one to call with.

    Stopped at any point, the next start completes it. `production` has no credentials.

    Raises:
        SetupError: the credentials cannot be written.
    """
    with suppress(Conflict):
        await service.create_account(
            CATALOGUE_ACCOUNT, display_name="Model catalogue", actor=HEARTH
        )
    if profile == "production":
        return None
    with suppress(Conflict):
        await service.create_account(DEV, display_name="Development", actor=HEARTH)
    with suppress(Conflict):
        await service.create_user(DEV, UserCreate(role=Role.ADMIN), user_id=DEV, actor=HEARTH)
    kept = await asyncio.to_thread(_read_or_none, home)
    is_kept = kept is not None and await service.keys.opens(DEV, DEV, kept.api_key)
    credentials = Credentials(
        account_id=DEV,
        user_id=DEV,
        api_key=kept.api_key if kept is not None and is_kept else new_secret(),
        base_url=base_url,
    )
    if credentials != kept:
        await asyncio.to_thread(_write, home, credentials)
    if not is_kept:
        spec = KeyCreate(display_name="Made at first start")
        await service.keys.create(DEV, DEV, spec, secret=credentials.api_key, actor=HEARTH)
    return credentials


def read_credentials(home: Path) -> Credentials:
    """The credentials that a Hearth of this home left for its clients.

    Raises:
        SetupError: there are none, or they cannot be read.
    """
    path = home / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except FileNotFoundError as error:
        raise SetupError(
            f"There are no credentials in {home}: start Hearth once with `hearth up`, "
            "or set HEARTH_HOME to the folder it uses."
        ) from error
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SetupError(
            f"Cannot read {path}: {_reason(error)}. Remove it; the next `hearth up` makes another."
        ) from error


def _read_or_none(home: Path) -> Credentials | None:
    try:
        return read_credentials(home)
    except SetupError:
        return None


def _write(home: Path, credentials: Credentials) -> None:
    """Replace the file in one step, readable by its owner alone."""
    path = home / FILE_NAME
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=home, prefix=f".{FILE_NAME}-")  # mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(credentials), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        raise SetupError(
            f"Cannot write {path}: {_reason(error)}. "
            "Make the folder writable or set HEARTH_HOME to another."
        ) from error


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
