"""Who came to private deployments, as the audit log has it, on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from hearth.accounts import AccountService, AuditLog, AuditLogEntry, Caller, Interval, Role
from hearth.errors import Unavailable
from hearth.gateway.networks import Networks, Senders
from hearth.gateway.private_access import SERVED, AccessLog
from hearth.kit.db import Connection, Database
from hearth.kit.pages import ListQuery
from tests.gateway.test_private_arrivals import Came
from tests.site import HandClock

NAME = "accounts/acme/deployments/vault"
ANN = Caller(account_id="acme", user_id="ann", key_id="key-1", role=Role.USER)
EVE = Caller(account_id="other", user_id="eve", key_id="key-2", role=Role.ADMIN)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def access(db: Database, clock: HandClock) -> AccessLog:
    await AccountService(db).create_account("acme")
    return AccessLog(db, Senders(Networks()), clock)


async def entries(db: Database) -> list[AuditLogEntry]:
    page = await AuditLog(db).list("acme", ListQuery(), Interval())
    return [each for each in reversed(page.items) if each.method == "AccessDeployment"]


async def come(access: AccessLog, caller: Caller = ANN) -> bool:
    """Whether an entry had to be written first."""
    writing = access.admitted(Came(headers={b"user-agent": b"curl"}), caller, NAME)
    if writing is not None:
        await writing
    return writing is not None


async def test_a_caller_is_written_down_once_an_hour(
    db: Database, access: AccessLog, clock: HandClock
) -> None:
    waited = [await come(access) for _ in range(3)]
    clock.now += timedelta(hours=1)
    waited.append(await come(access))

    assert waited == [True, False, False, True]
    first, _ = await entries(db)
    assert first.principal == "accounts/acme/users/ann"
    assert (first.client_ip, first.user_agent, first.api_key_id) == ("127.0.0.1", "curl", "key-1")
    assert (first.resource, first.payload) == (NAME, {"outcome": SERVED})
    assert access.counts[NAME, SERVED] == 4


async def test_of_another_account_only_the_address_is_told(db: Database, access: AccessLog) -> None:
    for _ in range(3):
        access.refused(Came(), EVE, NAME, "account")
    await access.close()

    (entry,) = await entries(db)
    assert (entry.principal, entry.api_key_id) == ("another account", "")
    assert entry.client_ip == "127.0.0.1"
    assert entry.status.code == "PERMISSION_DENIED"
    assert access.counts[NAME, "account"] == 3


async def test_nobody_is_served_whom_the_audit_log_does_not_have(
    db: Database, access: AccessLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def away() -> AsyncIterator[Connection]:
        raise Unavailable("The database is away.")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(db, "write", away)
        with pytest.raises(Unavailable):
            await come(access)
        with pytest.raises(Unavailable):
            await come(access)

    assert await come(access)
    assert len(await entries(db)) == 1
