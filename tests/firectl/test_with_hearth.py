"""firectl against a real Hearth, found as on a developer's machine: by what it left in its home."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.firectl.terminal import typed
from tests.running import RunningHearth


def test_a_fresh_hearth_is_used_without_any_configuration(hearth: RunningHearth) -> None:
    who = typed("whoami")

    assert who.status == 0
    assert f"Server: {hearth.url}\n" in who.out
    assert "User: accounts/dev/users/dev\n" in who.out
    assert hearth.credentials["api_key"] not in who.out
    models = typed("list", "models")
    assert "accounts/fireworks/models/llama-v3p1-8b-instruct " in models.out


def test_login_with_an_empty_answer_keeps_the_key_of_this_machine(
    hearth: RunningHearth, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))

    assert typed("login").status == 0
    monkeypatch.setenv("HEARTH_HOME", str(home / "elsewhere"))
    assert "Api Key: fw_" in typed("whoami").out
    assert typed("token").out.strip() == hearth.credentials["api_key"]


def test_users_are_made_shown_changed_and_listed(hearth: RunningHearth) -> None:
    made = typed("create", "user", "--email", "ada@example.com", "--user-id", "ada")
    assert (made.status, "Role: user\n" in made.out) == (0, True)

    assert typed("update", "user", "ada", "--role", "contributor", "-o", "json").body["role"] == (
        "contributor"
    )
    listed = typed("list", "users", "--filter", "role = contributor", "-o", "json").body
    assert [each["name"] for each in listed] == ["accounts/dev/users/ada"]
    again = typed("create", "user", "--email", "b@example.com", "--user-id", "ada")
    assert (again.status, again.err.count("\n")) == (1, 1)


def test_a_key_is_made_works_is_listed_and_ends(hearth: RunningHearth) -> None:
    made = typed("create", "api-key", "--key-name", "ci", "-o", "json").body

    with_it = ("whoami", "--api-key", made["key"], "--base-url", hearth.url)
    assert typed(*with_it).status == 0
    for flags in ([], ["--all-users"], ["--user", "dev"]):
        assert made["keyId"] in typed("list", "api-keys", *flags).out
    assert typed("delete", "api-key", made["keyId"]).status == 0
    assert made["keyId"] not in typed("list", "api-keys").out
    assert typed(*with_it).status == 4
    assert typed("delete", "api-key", made["keyId"]).status == 3


def test_a_limit_is_set_shown_and_lifted(hearth: RunningHearth) -> None:
    assert "Value: 500\n" in typed("update", "quota", "monthly-spend-usd", "--value", "500").out
    assert "Value: 500\n" in typed("get", "quota", "monthly-spend-usd").out
    assert typed("delete", "quota", "monthly-spend-usd").status == 0
    assert typed("update", "quota", "no-such-limit", "--value", "1").status != 0


def test_the_audit_log_says_who_did_what(hearth: RunningHearth) -> None:
    typed("create", "api-key", "--key-name", "seen")

    ran = typed("list", "audit-logs", "--start-time", "2026-01-01")

    assert "CreateApiKey" in ran.out
    assert typed("list", "audit-logs", "--email", "nobody@example.com", "-o", "json").body == []


@pytest.mark.parametrize(
    "line",
    [
        "get account",
        "list accounts",
        "get balance",
        "get billing-summary",
        "get billing-usage --group-by model,day",
        "list invoices --show-pending",
        "list pricing-plans",
        "list credit-redemptions",
        "get model llama-v3p1-8b-instruct",
        "export billing-metrics --filename usage.csv",
    ],
)
def test_what_only_reads_is_answered(hearth: RunningHearth, line: str) -> None:
    assert typed(*line.split()).status == 0


def test_a_fault_of_a_filter_is_pointed_at(hearth: RunningHearth) -> None:
    ran = typed("list", "users", "--filter", "role = admin AND = x")

    assert ran.status == 1
    lines = ran.err.splitlines()
    assert "filter" in lines[0]
    assert lines[1] == "  role = admin AND = x"
    assert lines[2].index("^") == lines[1].index("= x")


def test_what_is_not_there_is_status_three(hearth: RunningHearth) -> None:
    assert typed("get", "user", "nobody").status == 3
    assert typed("get", "model", "nothing").status == 3
    assert typed("list", "users", "-a", "other-account").status == 3
