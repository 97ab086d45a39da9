"""Secrets are taken, named and used, and never come back out."""

from __future__ import annotations

import logging
from base64 import b64encode
from functools import partial

import httpx
import pytest
from sqlalchemy import text

from hearth.accounts import Role
from hearth.errors import NotFound, SetupError, Unavailable
from hearth.kit.secret_keys import load_sealer
from hearth.secrets import SecretService
from tests.secrets.conftest import House

SECRETS = "/accounts/acme/secrets"
BODY = {"name": "accounts/acme/secrets/WANDB", "keyName": "WANDB_API_KEY", "value": "hunter2"}


async def everything_kept(house: House) -> str:
    """All rows of every table that a secret could reach."""
    async with house.db.read() as conn:
        tables = ["resources", "create_requests", "audit_log"]
        rows = [str((await conn.execute(text(f"SELECT * FROM {name}"))).all()) for name in tables]
    return "".join(rows)


async def test_a_secret_is_made_named_and_revealed_only_inside(
    acme: httpx.AsyncClient, house: House
) -> None:
    made = await acme.post(SECRETS, json=BODY)
    got = await acme.get(f"{SECRETS}/WANDB")
    listed = (await acme.get(SECRETS)).json()

    assert (made.status_code, got.status_code) == (200, 200), made.text
    assert (got.json()["name"], got.json()["keyName"]) == (BODY["name"], "WANDB_API_KEY")
    assert "value" not in made.json() | got.json() | listed["secrets"][0]
    assert listed["totalSize"] == 1
    assert await house.secrets.reveal("acme", "WANDB") == "hunter2"


async def test_the_value_is_in_no_table_log_or_audit_entry(
    acme: httpx.AsyncClient, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await acme.post(SECRETS, json=BODY, headers={"idempotency-key": "once"})
    await acme.patch(f"{SECRETS}/WANDB", json={"keyName": "K", "value": "hunter3"})
    await acme.patch(f"{SECRETS}/WANDB?updateMask=value", json={"value": "hunter4"})
    kept = await everything_kept(house)

    assert kept.count("UpdateSecret") == 2
    assert "hunter" not in kept + caplog.text
    for value in ("hunter2", "hunter3", "hunter4"):
        assert b64encode(value.encode()).decode() not in kept
    assert await house.secrets.reveal("acme", "WANDB") == "hunter4"


async def test_the_same_value_is_kept_differently_under_each_name(
    acme: httpx.AsyncClient, house: House
) -> None:
    await acme.post(SECRETS, json=BODY)
    await acme.post(SECRETS, json={"keyName": "TWIN", "value": "hunter2"})
    async with house.db.write() as conn:  # what someone with the database alone may try
        swap = "UPDATE resources SET internal = (SELECT internal FROM resources WHERE name = :a)"
        swap += " WHERE name = :b"
        names = {"a": f"{SECRETS[1:]}/WANDB", "b": f"{SECRETS[1:]}/TWIN"}
        await conn.execute(text(swap), names)

    with pytest.raises(Unavailable, match="sealed under another name"):
        await house.secrets.reveal("acme", "TWIN")


async def test_a_change_says_only_what_it_changes(acme: httpx.AsyncClient, house: House) -> None:
    await acme.post(SECRETS, json=BODY)
    renamed = await acme.patch(f"{SECRETS}/WANDB", json={"keyName": "OTHER"})
    assert await house.secrets.reveal("acme", "WANDB") == "hunter2"
    masked = await acme.patch(
        f"{SECRETS}/WANDB?updateMask=value", json={"keyName": "IGNORED", "value": "hunter3"}
    )

    assert renamed.json()["keyName"] == masked.json()["keyName"] == "OTHER"
    assert await house.secrets.reveal("acme", "WANDB") == "hunter3"
    await acme.patch(
        f"{SECRETS}/WANDB?updateMask=keyName", json={"keyName": "NEW", "value": "ignored"}
    )
    assert await house.secrets.reveal("acme", "WANDB") == "hunter3"


async def test_a_stale_change_of_the_value_is_refused(
    acme: httpx.AsyncClient, house: House
) -> None:
    etag = (await acme.post(SECRETS, json=BODY)).json()["etag"]
    first = await acme.patch(f"{SECRETS}/WANDB", json={"value": "hunter3", "etag": etag})
    stale = await acme.patch(
        f"{SECRETS}/WANDB?updateMask=value", json={"value": "hunter4", "etag": etag}
    )

    assert (first.status_code, stale.status_code) == (200, 409)
    assert await house.secrets.reveal("acme", "WANDB") == "hunter3"


async def test_a_deleted_secret_opens_nothing(acme: httpx.AsyncClient, house: House) -> None:
    await acme.post(SECRETS, json=BODY)
    deleted = await acme.delete(f"{SECRETS}/WANDB")

    assert (deleted.status_code, deleted.json()) == (200, {})
    assert (await acme.get(f"{SECRETS}/WANDB")).status_code == 404
    with pytest.raises(NotFound):
        await house.secrets.reveal("acme", "WANDB")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"keyName": "K"}, "value"),
        ({"keyName": "K", "value": ""}, "value"),
        ({"keyName": "K", "value": 5}, "value"),
        ({"keyName": "K", "value": "x" * 65537}, "value"),
        ({"value": "v"}, "name"),
        ({"keyName": "a b", "value": "v"}, "name"),
        ({"name": "accounts/other/secrets/K", "keyName": "K", "value": "v"}, "name"),
        ({"name": "K", "value": "v"}, "keyName"),
        ({"name": "K", "keyName": " ", "value": "v"}, "keyName"),
    ],
)
async def test_a_bad_secret_names_the_field_and_not_the_value(
    acme: httpx.AsyncClient, body: dict[str, object], param: str
) -> None:
    answer = await acme.post(SECRETS, json=body)

    assert answer.status_code == 400
    assert param in answer.json()["message"]
    assert "'v'" not in answer.text


async def test_a_repeated_create_makes_one_secret(acme: httpx.AsyncClient) -> None:
    first = await acme.post(SECRETS, json=BODY, headers={"idempotency-key": "k"})
    by_key = await acme.post(SECRETS, json=BODY, headers={"idempotency-key": "k"})
    retried = await acme.post(SECRETS, json=BODY, headers={"x-stainless-retry-count": "1"})
    again = await acme.post(SECRETS, json=BODY)

    assert first.json() == by_key.json() == retried.json()
    assert again.status_code == 409


async def test_roles_decide_who_makes_and_changes_secrets(
    acme: httpx.AsyncClient, house: House
) -> None:
    await acme.post(SECRETS, json=BODY)
    async with (
        house.user("acme", Role.CONTRIBUTOR) as carol,
        house.user("acme", Role.INFERENCE_USER) as ivy,
        house.user("other", Role.ADMIN) as eve,
    ):
        hers = await carol.post(SECRETS, json={"keyName": "HERS", "value": "v"})
        own = await carol.patch(f"{SECRETS}/HERS", json={"value": "w"})
        bobs = await carol.patch(f"{SECRETS}/WANDB", json={"value": "w"})
        seen = await ivy.get(SECRETS)
        made = await ivy.post(SECRETS, json={"keyName": "NOT", "value": "v"})
        foreign = await eve.get(f"{SECRETS}/WANDB")

    assert [each.status_code for each in (hers, own, bobs)] == [200, 200, 403]
    assert [each.status_code for each in (seen, made, foreign)] == [200, 403, 404]


async def test_a_lost_key_is_told_without_harm(acme: httpx.AsyncClient, house: House) -> None:
    await acme.post(SECRETS, json=BODY)
    (house.home / "secret.key").unlink()
    after = SecretService(house.db, partial(load_sealer, house.home))

    with pytest.raises(Unavailable, match=r"restore secret\.key from a backup"):
        await after.reveal("acme", "WANDB")
    with pytest.raises(SetupError):
        await after.reseal()


async def test_after_resealing_the_old_key_can_be_forgotten(
    acme: httpx.AsyncClient, house: House
) -> None:
    await acme.post(SECRETS, json=BODY)
    old = (house.home / "secret.key").read_text().strip()
    new = b64encode(bytes(32)).decode()
    both = SecretService(house.db, partial(load_sealer, house.home, f"{new},{old}"))

    assert [await both.reseal(), await both.reseal()] == [1, 0]
    only = SecretService(house.db, partial(load_sealer, house.home, new))
    assert await only.reveal("acme", "WANDB") == "hunter2"
