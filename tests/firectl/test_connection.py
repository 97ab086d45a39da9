"""Which server, key and account a command uses, and how a sign-in keeps them."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest

from hearth.firectl.connection import Connection, connection_from, host_root
from hearth.firectl.failures import UsageFailure
from tests.firectl.terminal import KEY, Reply, World, typed

LOCAL = {
    "account_id": "dev",
    "user_id": "ada",
    "api_key": "fw_local",
    "base_url": "http://127.0.0.1:8080",
}


def leave_credentials(home: Path) -> None:
    """What a Hearth leaves for clients of its machine."""
    folder = home / "no-hearth"
    folder.mkdir()
    (folder / "credentials.json").write_text(json.dumps(LOCAL))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def summary(found: Connection) -> tuple[str, str, str]:
    return found.base_url, found.api_key, found.account_id


def test_with_nothing_said_it_is_the_hosted_service_without_a_key() -> None:
    assert summary(connection_from({})) == ("https://api.fireworks.ai", "", "")
    assert typed("list", "models").status == 4


def test_a_hearth_of_this_machine_is_used_where_nothing_else_is_configured(home: Path) -> None:
    leave_credentials(home)

    assert summary(connection_from({})) == ("http://127.0.0.1:8080", "fw_local", "dev")
    assert connection_from({}).user_id == "ada"
    assert connection_from({"base-url": "http://127.0.0.1:8080/v1"}).api_key == "fw_local"


def test_the_key_of_this_machine_is_sent_nowhere_else(home: Path) -> None:
    leave_credentials(home)

    assert connection_from({"base-url": "https://api.fireworks.ai"}).api_key == ""


def test_another_key_means_the_hosted_service(home: Path) -> None:
    leave_credentials(home)

    found = connection_from({"api-key": "fw_hosted"})

    assert summary(found) == ("https://api.fireworks.ai", "fw_hosted", "")


def test_flags_come_before_the_environment_and_that_before_the_files(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / ".fireworks" / "auth.ini", "account_id = filed\napi_key = fw_file\n")
    write(home / ".fireworks" / "settings.ini", "base_url = http://file:1\n")
    assert summary(connection_from({})) == ("http://file:1", "fw_file", "filed")

    monkeypatch.setenv("FIREWORKS_BASE_URL", "http://env:1/inference/v1")
    monkeypatch.setenv("FIREWORKS_API_KEY", "fw_env")
    assert summary(connection_from({})) == ("http://env:1", "fw_env", "")
    monkeypatch.setenv("FIREWORKS_ACCOUNT_ID", "env")
    assert summary(connection_from({})) == ("http://env:1", "fw_env", "env")

    flags = {"base-url": "http://flag:1", "api-key": "fw_flag", "account-id": "accounts/flag"}
    assert summary(connection_from(flags)) == ("http://flag:1", "fw_flag", "flag")


def test_a_profile_has_files_of_its_own_and_comes_before_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIREWORKS_API_KEY", "fw_env")
    folder = home / ".fireworks" / "profiles" / "work"
    write(folder / "auth.ini", "account_id = w\napi_key = fw_work\n")

    assert summary(connection_from({"profile": "work"}))[1:] == ("fw_work", "w")
    with pytest.raises(UsageFailure, match="no profile 'nope'"):
        connection_from({"profile": "nope"})
    with pytest.raises(UsageFailure, match="is no name"):
        connection_from({"profile": "../work"})


@pytest.mark.parametrize(
    "text",
    [
        "http://h:1",
        "http://h:1/",
        "http://h:1/v1",
        "http://h:1/inference",
        "http://h:1/inference/v1/",
    ],
)
def test_an_address_is_taken_as_people_paste_it(text: str) -> None:
    assert host_root(text) == "http://h:1"


@pytest.mark.parametrize("text", ["h:1", "ftp://h", "http://", "file:///etc/passwd", "http://["])
def test_what_is_no_address_is_refused(text: str) -> None:
    ran = typed("list", "models", "--base-url", text)

    assert ran.status == 2
    assert "is no address" in ran.err


def test_signing_in_tries_the_key_and_keeps_it_for_its_owner_alone(
    world: World, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = home / ".fireworks" / "auth.ini"
    write(auth, "# mine\nid_token = abc\napi_key = old\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("fw_piped\n"))
    monkeypatch.delenv("FIREWORKS_ACCOUNT_ID")

    ran = typed("signin")

    assert ran.status == 0
    assert "fw_piped" not in ran.out + ran.err
    assert world.last("GET").headers["authorization"] == "Bearer fw_piped"
    assert auth.read_text().splitlines() == [
        "account_id = dev",
        "api_key = fw_piped",
        "# mine",
        "id_token = abc",
    ]
    assert stat.S_IMODE(auth.stat().st_mode) == 0o600
    monkeypatch.delenv("FIREWORKS_BASE_URL")
    monkeypatch.delenv("FIREWORKS_API_KEY")
    assert summary(connection_from({})) == (world.url, "fw_piped", "dev")
    assert typed("token").out == "fw_piped\n"


def test_a_profile_is_made_by_signing_in_to_it(world: World, home: Path) -> None:
    assert typed("set-api-key", "fw_work", "-p", "work").status == 0
    assert connection_from({"profile": "work"}).api_key == "fw_work"
    assert not (home / ".fireworks" / "auth.ini").exists()


def test_a_key_that_the_server_does_not_know_is_not_kept(world: World, home: Path) -> None:
    world.on("GET", "/verifyApiKey", Reply(status=401, body={"message": "no"}))

    ran = typed("login", "--api-key", "fw_wrong")

    assert ran.status == 4
    assert "does not know this key; --base-url names another server" in ran.err
    assert not (home / ".fireworks").exists()


def test_signing_in_without_a_key_says_where_keys_come_from(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    ran = typed("login")

    assert ran.status == 4
    assert "firectl create api-key" in ran.err


def test_the_account_is_asked_of_the_server_where_nothing_says_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FIREWORKS_ACCOUNT_ID")
    world.on("GET", "quotas", Reply(body={"quotas": []}))

    assert typed("list", "quotas").status == 0
    assert [each.path for each in world.received] == ["/verifyApiKey", "/v1/accounts/dev/quotas"]


def test_a_dry_run_sends_nothing_and_shows_no_secret(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FIREWORKS_ACCOUNT_ID")

    ran = typed("create", "secret", "--name", "TOKEN", "--value", "sesame", "--dry-run")

    assert ran.status == 0
    assert "sesame" not in ran.out
    assert KEY not in ran.out
    assert ran.body == {
        "name": "accounts/ACCOUNT_ID/secrets/token",
        "keyName": "TOKEN",
        "value": "********",
    }
    assert world.received == []


@pytest.mark.parametrize("secret", ['quote"and\\slash', "a"])
def test_a_dry_run_hides_secrets_however_they_are_written(secret: str) -> None:
    line = ["create", "secret", "--name", "aaa", "--value", secret, "--dry-run", "-a", "dev"]

    assert typed(*line).body["value"] == "********"
    assert typed(*line).body["keyName"] == "aaa"
    keys = ["create", "deployment", "m", "--direct-route-api-keys", f"{secret},b", "--dry-run"]
    assert typed(*keys, "-a", "dev").body["directRouteApiKeys"] == ["********", "********"]
