"""`hearth prices` on the database of this machine."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from hearth.accounts import AccountService
from hearth.cli.main import app
from hearth.errors import Conflict, HearthError, InvalidRequest, NotFound, SetupError
from hearth.kit.db import Database

BOOK = """
version = "2099"
extends = "2025-05"

[[prices]]
id = "text-under-4b"
unit = "tokens"
per = 1_000_000
amount = "0.0815"

[models]
"accounts/fireworks/models/smollm2-135m-instruct" = "text-under-4b"
"""
LATER = BOOK.replace("extends", "effective_time = 2099-01-31T00:00:00Z\nextends")


class Prices(NamedTuple):
    """The command in a home of its own."""

    home: Path

    def __call__(self, *arguments: str) -> str:
        environment: dict[str, str | None] = {
            name: None for name in os.environ if name.startswith("HEARTH_")
        }
        environment["HEARTH_HOME"] = str(self.home)
        done = CliRunner().invoke(app, ["prices", *arguments], env=environment)
        if isinstance(done.exception, HearthError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    def add(self, body: str, *arguments: str) -> str:
        file = self.home / "book.toml"
        file.write_text(body)
        return self("add", str(file), *arguments)

    @property
    def database(self) -> Database:
        return Database(f"sqlite:///{self.home}/state.db")


@pytest.fixture
def prices(tmp_path: Path) -> Prices:
    return Prices(tmp_path)


def test_the_shipped_prices_are_shown(prices: Prices) -> None:
    shown = [line.split() for line in prices("show").splitlines()]

    assert ["text-under-4b", "million", "tokens", "$0.10"] in shown
    assert ["deepseek-r1-fast", "million", "tokens", "$3.00", "$8.00"] in shown
    assert ["whisper-v3", "minute", "of", "audio", "$0.0015"] in shown
    assert ["sdxl", "image", "step", "$0.00013"] in shown
    assert ["training-up-to-16b", "million", "training", "tokens", "$0.50", "$3.00"] in shown
    assert ["gpu-h200", "GPU", "hour", "$9.99"] in shown


def test_an_added_book_is_in_force_at_once(prices: Prices) -> None:
    said = prices.add(BOOK)

    assert said.startswith("2099 prices every account without a plan of its own from 20")
    assert "$0.0815" in prices("show")
    assert "smollm2-135m-instruct: text-under-4b" in prices("show")
    assert "$0.0815" not in prices("show", "--version", "2025-05")
    assert "$0.0815" not in prices("show", "--at", "2026-01-01T00:00:00Z")
    assert [line.split()[0] for line in prices("list").splitlines()[1:]] == ["2025-05", "2099"]


def test_a_book_for_later_waits_for_its_time(prices: Prices) -> None:
    prices.add(LATER)

    assert "Price book 2025-05" in prices("show", "--at", "2099-01-30T23:59:59.999999Z")
    assert "Price book 2099" in prices("show", "--at", "2099-01-31T00:00:00Z")


def test_an_account_can_have_a_plan_of_its_own(prices: Prices) -> None:
    with pytest.raises(NotFound, match="no account 'acme'"):  # the database is made all the same
        prices.add(BOOK, "--account", "acme")
    asyncio.run(_make_account(prices, "acme"))

    prices.add(BOOK, "--account", "acme")

    assert "$0.0815" in prices("show", "--account", "acme")
    assert "$0.0815" not in prices("show")
    assert "account acme" in prices("list")


def test_an_addition_is_in_the_audit_log_and_a_refusal_adds_nothing(prices: Prices) -> None:
    prices("list")
    asyncio.run(_make_account(prices, "acme"))
    prices.add(BOOK, "--account", "acme")
    prices.add(BOOK.replace('"2099"', '"2100"'))
    with pytest.raises(Conflict, match="books never change"):
        prices.add(BOOK)

    rows = asyncio.run(_audit(prices))

    assert [(account, principal, resource) for account, principal, resource, _ in rows] == [
        ("acme", "operator", "accounts/acme/priceBooks/2099"),
        ("", "operator", "priceBooks/2100"),
    ]
    assert all('"amount":81500000' in payload for *_, payload in rows)


def test_a_book_that_does_not_fit_is_refused_by_its_field(prices: Prices) -> None:
    with pytest.raises(InvalidRequest, match=r"prices\[0\]\.amount is -0\.0815; .*negative"):
        prices.add(BOOK.replace("0.0815", "-0.0815"))
    with pytest.raises(InvalidRequest, match=r"models\.accounts/fireworks/models/no.* no model"):
        prices.add(BOOK.replace("smollm2-135m-instruct", "no"))
    with pytest.raises(InvalidRequest, match="in the past"):
        prices.add(LATER.replace("2099-01", "2020-01"))
    with pytest.raises(SetupError, match="cannot be read"):
        prices("add", str(prices.home / "none.toml"))
    with pytest.raises(NotFound, match="no price book 'none'"):
        prices("show", "--version", "none")
    with pytest.raises(InvalidRequest, match="--at"):
        prices("show", "--at", "yesterday")


def test_a_refusal_is_one_line_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "book.toml").write_text(BOOK.replace("0.0815", "cheap"))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HEARTH_")}

    done = subprocess.run(
        [sys.executable, "-m", "hearth.cli.main", "prices", "add", str(tmp_path / "book.toml")],
        env=environment | {"HEARTH_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "hearth: prices[0].amount is 'cheap'; write dollars as a decimal such as \"0.10\"."
    ]


async def _make_account(prices: Prices, account_id: str) -> None:
    db = prices.database
    await AccountService(db).create_account(account_id)
    await db.close()


async def _audit(prices: Prices) -> list[tuple[str, str, str, str]]:
    db = prices.database
    query = "SELECT account_id, principal, resource, payload FROM audit_log WHERE method = :method"
    async with db.read() as conn:
        rows = await conn.execute(text(query), {"method": "CreatePriceBook"})
        found = [(row[0], row[1], row[2], row[3]) for row in rows]
    await db.close()
    return found
