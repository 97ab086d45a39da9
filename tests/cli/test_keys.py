"""`hearth keys` beside a running Hearth, and before its first start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.commands import hearth_command
from tests.running import RunningHearth, running_hearth

LIMIT_S = 60


def keys(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HEARTH_")}
    return subprocess.run(
        [sys.executable, "-m", "hearth.cli.main", "keys", *arguments],
        env=environment | {"HEARTH_HOME": str(home)} | settings,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path_factory.mktemp("production"), profile="production") as hearth:
        yield hearth


def becomes(hearth: RunningHearth, key: str, *, good: bool) -> bool:
    """Whether the running gateway learns, in time, of a change made beside it."""
    deadline = time.monotonic() + LIMIT_S
    with hearth.client(key=key) as api:
        while time.monotonic() < deadline:
            if (api.get("/models").status_code == 200) is good:
                return True
    return False


def test_the_first_key_of_production_opens_the_gateway_that_runs(production: RunningHearth) -> None:
    made = keys(production.home, "create", "--name", "first", HEARTH_PROFILE="production")

    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    assert secret.startswith("fw_")
    assert "main/admin" in made.stderr
    assert becomes(production, secret, good=True)
    headers = {"Authorization": f"Bearer {secret}"}
    verified = httpx.get(f"{production.url}/verifyApiKey", headers=headers)
    assert verified.headers["x-fireworks-account-id"] == "main"


def test_a_disabled_key_stays_listed_and_opens_nothing(production: RunningHearth) -> None:
    secret = keys(production.home, "create", "--account", "acme", "--user", "eve").stdout.strip()
    assert becomes(production, secret, good=True)
    (row,) = keys(production.home, "list", "--account", "acme").stdout.splitlines()
    key_id = row.split()[0]

    disabled = keys(production.home, "disable", key_id)

    assert disabled.returncode == 0, disabled.stderr
    assert becomes(production, secret, good=False)
    listed = keys(production.home, "list").stdout
    (row,) = [line for line in listed.splitlines() if line.startswith(key_id)]
    assert "acme/eve" in row
    assert "disabled" in row
    assert secret not in listed


def test_commands_are_in_the_audit_log_as_the_operators(production: RunningHearth) -> None:
    secret = keys(production.home, "create", "--account", "audited").stdout.strip()
    second = keys(production.home, "create", "--account", "audited").stderr.split()[0]
    assert keys(production.home, "disable", second).returncode == 0
    assert becomes(production, secret, good=True)

    headers = {"Authorization": f"Bearer {secret}"}
    answer = httpx.get(f"{production.url}/v1/accounts/audited/auditLogs", headers=headers)

    logged = [(entry["principal"], entry["method"]) for entry in answer.json()["auditLogs"]]
    made = ["DisableApiKey", "CreateApiKey", "CreateApiKey", "CreateUser", "CreateAccount"]
    assert logged == [("operator", method) for method in made]
    assert secret not in answer.text
    shown = hearth_command(production.home, "audit", "--account", "audited").stdout.splitlines()
    assert [line.split()[1:3] for line in shown] == [list(each) for each in reversed(logged)]
    newest = hearth_command(production.home, "audit", "--limit", "1").stdout.split()
    assert newest[1:] == [
        "operator",
        "DisableApiKey",
        f"accounts/audited/users/admin/apiKeys/{second}",
    ]
    assert "--since" in hearth_command(production.home, "audit", "--since", "noon").stderr


def test_before_the_first_start_the_database_is_made(tmp_path: Path) -> None:
    home = tmp_path / "new"

    made = keys(home, "create", "--account", "acme", "--expires", "7")

    assert made.returncode == 0, made.stderr
    (row,) = keys(home, "list").stdout.splitlines()
    assert made.stdout[:8] + "..." in row
    assert "until " in row


def test_in_profile_dev_a_key_is_the_dev_users(tmp_path: Path) -> None:
    credentials = {"account_id": "dev", "user_id": "dev", "api_key": "fw_x", "base_url": "http://x"}
    (tmp_path / "credentials.json").write_text(json.dumps(credentials))

    made = keys(tmp_path, "create")

    assert "of dev/dev" in made.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["disable", "key-none"], "`hearth keys list` shows all"),
        (["create", "--account", "No Such"], "cannot be an id"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    failed = keys(tmp_path, *arguments)

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith("hearth: ")
    assert words in failed.stderr
    assert failed.stderr.count("\n") == 1
