"""`hearth secrets reseal`: a change of the keys that seal, from one to the next."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from functools import partial
from pathlib import Path

import pytest

from hearth.accounts import AccountService
from hearth.errors import SetupError
from hearth.kit.db import Database
from hearth.kit.secret_keys import load_sealer
from hearth.resources import Creation
from hearth.secrets import SecretService
from tests.cli.operating import run

OLD, NEW = (b64encode(bytes([n]) * 32).decode() for n in (1, 2))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one secret, sealed by the old key."""
    run(tmp_path, "migrate")

    async def keep() -> None:
        db = Database(f"sqlite:///{tmp_path}/state.db")
        await db.open()
        await AccountService(db).create_account("acme")
        body = {"keyName": "K", "value": "hunter2"}
        service = SecretService(db, partial(load_sealer, tmp_path, OLD))
        await service.create(Creation(parent="accounts/acme", body=body))
        await db.close()

    asyncio.run(keep())
    return tmp_path


def reveal(home: Path, keys: str) -> str:
    async def look() -> str:
        db = Database(f"sqlite:///{home}/state.db")
        await db.open()
        try:
            return await SecretService(db, partial(load_sealer, home, keys)).reveal("acme", "K")
        finally:
            await db.close()

    return asyncio.run(look())


def test_the_old_key_can_go_once_everything_is_sealed_anew(home: Path) -> None:
    done = run(home, "secrets", "reseal", secret_key=f"{NEW},{OLD}")
    again = run(home, "secrets", "reseal", secret_key=NEW)

    assert done.stdout == "1 secrets are sealed anew.\n"
    assert again.stdout == "0 secrets are sealed anew.\n"
    assert reveal(home, NEW) == "hunter2"


def test_without_the_old_key_nothing_is_changed(home: Path) -> None:
    with pytest.raises(SetupError, match="which is not here"):
        run(home, "secrets", "reseal", secret_key=NEW)
    assert reveal(home, OLD) == "hunter2"
