"""API keys where the server does not say whose the key in use is."""

from __future__ import annotations

from tests.firectl.terminal import KEY, Reply, World, typed


def serve_users(world: World, **keys: list[str]) -> None:
    """Users with keys of these prefixes; another's keys may not be seen."""
    names = [{"name": f"accounts/dev/users/{user}"} for user in keys]
    world.on("GET", "users", Reply(body={"users": names}))
    for user, prefixes in keys.items():
        rows = [{"keyId": f"{user}-{place}", "prefix": each} for place, each in enumerate(prefixes)]
        world.on("GET", f"users/{user}/apiKeys", Reply(body={"apiKeys": rows}))
        world.on("POST", f"users/{user}/apiKeys", Reply(body={"keyId": "new", "key": "fw_new"}))
        world.on("POST", f"users/{user}/apiKeys:delete", Reply())


def test_one_is_the_user_whose_key_begins_alike(world: World) -> None:
    serve_users(world, ada=["fw_other"], bob=["fw_", f"{KEY[:8]}…"])

    assert "User: accounts/dev/users/bob\n" in typed("whoami").out
    made = typed("create", "api-key", "--expire-time", "2027-01-01")
    assert "Key: fw_new\n" in made.out
    assert world.last("POST").path == "/v1/accounts/dev/users/bob/apiKeys"
    assert world.last("POST").body == {
        "apiKey": {"displayName": "default", "expireTime": "2027-01-01T00:00:00Z"}
    }


def test_a_prefix_that_would_fit_anybody_says_nothing(world: World) -> None:
    serve_users(world, ada=["fw_"], bob=["fw_"])

    assert "User:" not in typed("whoami").out
    ran = typed("create", "api-key")
    assert (ran.status, "pass --user" in ran.err) == (2, True)
    assert typed("create", "api-key", "--service-account", "bob").status == 0


def test_keys_that_may_not_be_seen_are_passed_over(world: World) -> None:
    serve_users(world, ada=["x"], bob=[KEY[:8]])
    world.on("GET", "users/ada/apiKeys", Reply(status=403))

    assert "User: accounts/dev/users/bob\n" in typed("whoami").out


def test_the_keys_of_all_are_listed_and_ended_by_their_ids(world: World) -> None:
    serve_users(world, ada=["fw_a"], bob=["fw_b"])

    assert [
        each["keyId"] for each in typed("list", "api-keys", "--all-users", "-o", "json").body
    ] == [
        "ada-0",
        "bob-0",
    ]
    assert typed("delete", "api-key", "ada-0").status == 0
    assert world.last("POST").path == "/v1/accounts/dev/users/ada/apiKeys:delete"
    assert world.last("POST").body == {"keyId": "ada-0"}
    assert typed("delete", "api-key", "accounts/dev/users/bob/apiKeys/k").status == 0
    assert world.last("POST").path == "/v1/accounts/dev/users/bob/apiKeys:delete"
    assert typed("delete", "api-key", "nobody-0").status == 3
