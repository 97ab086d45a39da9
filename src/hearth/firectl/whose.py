"""Whose a key is: the API says the account of a key, but not its user."""

from __future__ import annotations

from hearth.firectl.call import Call
from hearth.firectl.failures import Exit, Refused, UsageFailure
from hearth.firectl.http import Object
from hearth.firectl.names import path_of

_SHORTEST_PREFIX = 6  # `fw_` and a few letters: less would fit anybody's key


def users(call: Call) -> list[Object]:
    """The users of the account, as far as the key may see them."""
    return all_of(call, f"accounts/{call.account_id()}", "users")


def all_of(call: Call, parent: str, collection: str) -> list[Object]:
    """Every resource of a collection."""
    rows: list[Object] = []
    query: Object = {"pageSize": 200}
    while True:
        body = call.send("GET", f"{path_of(parent)}/{collection}", query=query)
        rows += body.get(collection) or []
        if not body.get("nextPageToken"):
            return rows
        query["pageToken"] = body["nextPageToken"]


def keys_of(call: Call, user: str) -> list[Object]:
    """The keys of a user, by full name; none where the key in use may not see them."""
    try:
        return all_of(call, user, "apiKeys")
    except Refused as refused:
        if refused.exit_status in (Exit.DENIED, Exit.NOT_FOUND):
            return []
        raise


def own_user_or_none(call: Call) -> str | None:
    """The full name of the user whose key is in use: known, or the one whose key begins alike."""
    if call.connection.user_id:
        return f"accounts/{call.account_id()}/users/{call.connection.user_id}"
    everybody = [user["name"] for user in users(call)]
    if len(everybody) == 1:
        return str(everybody[0])
    for user in everybody:
        if any(_is_in_use(call, key) for key in keys_of(call, user)):
            return str(user)
    return None


def own_user(call: Call) -> str:
    """The same.

    Raises:
        UsageFailure: it cannot be told.
    """
    if call.is_dry and not call.connection.user_id:
        return f"accounts/{call.account_id()}/users/USER_ID"
    found = own_user_or_none(call)
    if found is None:
        raise UsageFailure("The server does not say whose the key is; pass --user.")
    return found


def _is_in_use(call: Call, key: Object) -> bool:
    prefix = str(key.get("prefix") or "").rstrip(".…*")
    return len(prefix) >= _SHORTEST_PREFIX and call.connection.api_key.startswith(prefix)
