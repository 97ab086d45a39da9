"""Billing commands beside the database, as an operator runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LIMIT_S = 60


def hearth(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HEARTH_")}
    return subprocess.run(
        [sys.executable, "-m", "hearth.cli.main", *arguments],
        env=environment | {"HEARTH_HOME": str(home), "HEARTH_PROFILE": "production"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("billing")
    made = hearth(home, "keys", "create", "--account", "acme", "--user", "ann")
    assert made.returncode == 0, made.stderr
    return home


def test_a_cent_is_set_on_a_key_and_listed(home: Path) -> None:
    key_id = hearth(home, "keys", "list").stdout.split()[0]

    done = hearth(home, "limits", "set", "--key", key_id, "--monthly-usd", "0.01")
    listed = hearth(home, "limits", "list", "acme")

    assert done.returncode == 0, done.stderr
    name = f"accounts/acme/users/ann/apiKeys/{key_id}/quotas/monthly-spend-usd"
    assert listed.stdout.split() == ["0.01", "0.00", name]


def test_credit_and_adjustments_are_on_the_invoice(home: Path) -> None:
    granted = hearth(home, "credits", "grant", "acme", "5", "welcome")
    adjusted = hearth(home, "credits", "adjust", "acme", "-1.50", "a slip")
    month = hearth(home, "invoice", "show", "acme", "2026-01", "--format", "csv")
    code = hearth(home, "credits", "code", "2")

    assert (granted.returncode, adjusted.returncode) == (0, 0), adjusted.stderr
    assert month.stdout.startswith("kind,unit,model")
    assert code.stdout.startswith("credit_")
    log = json.dumps(hearth(home, "limits", "list", "acme").stdout)
    assert code.stdout.strip() not in log


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("credits", "grant", "nobody", "5", "x"), "no account"),
        (("credits", "grant", "acme", "0", "x"), "amount"),
        (("accounts", "suspend", "acme", "--reason", "MOOD"), "FAILED_PAYMENTS"),
        (("accounts", "mode", "acme", "free"), "prepaid"),
        (("invoice", "issue", "acme", "2026-13"), "2026-13"),
        (("invoice", "show", "acme", "2026-01", "--format", "pdf"), "pdf"),
        (("invoice", "what-if", "acme", "2026-01", "none"), "none"),
        (("limits", "set", "--key", "none", "--monthly-usd", "1"), "hearth keys list"),
        (("limits", "set", "--account", "acme", "--monthly-usd", "-1"), "value"),
        (("usage", "acme", "2026-01", "--by", "colour"), "colour"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    home: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = hearth(home, *arguments)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr


def test_an_account_is_suspended_prepaid_and_resumed(home: Path) -> None:
    for arguments in (
        ("accounts", "suspend", "acme"),
        ("accounts", "resume", "acme"),
        ("accounts", "mode", "acme", "prepaid"),
        ("usage", "acme", "2026-01"),
    ):
        done = hearth(home, *arguments)
        assert done.returncode == 0, done.stderr
    assert "prepaid-credit-usd" in hearth(home, "limits", "list", "acme").stdout
