"""Keeping a key: asked for without an echo, tried, then written where every client looks for it."""

from __future__ import annotations

import sys

from hearth.firectl import profile_files
from hearth.firectl.call import Call
from hearth.firectl.connection import HOSTED, connection_from, local_credentials, require_key
from hearth.firectl.failures import Exit, Failure, Refused
from hearth.firectl.http import Http, Request


def sign_in(call: Call, key: str = "") -> None:
    """Try a key and keep it, with its account and its server, in the profile's files.

    Raises:
        Failure: there is no key, the server refuses it, or the files cannot be written.
    """
    values = dict(call.values)
    key = key or values.get("api-key") or _asked(call)
    connection = connection_from(values | {"api-key": key} | _new_profile(call))
    require_key(connection)
    try:
        answer = Http(connection.base_url, key).send(Request(method="GET", path="/verifyApiKey"))
    except Refused as refused:
        raise Failure(_unknown(refused, connection.base_url), exit_status=Exit.DENIED) from None
    account_id = answer.headers.get("x-fireworks-account-id") or ""
    account_id = call.get("ACCOUNT_ID") or connection.account_id or account_id
    folder = profile_files.folder_of(call.get("profile", ""))
    user_id = connection.user_id
    auth = {"account_id": account_id, "api_key": key, "user_id": user_id}
    profile_files.write(folder / profile_files.AUTH, auth)
    address = "" if connection.base_url == HOSTED else connection.base_url
    profile_files.write(folder / profile_files.SETTINGS, {"base_url": address})
    call.screen.note(
        f"Signed in to {connection.base_url} as account {account_id}. "
        f"The key is in {folder / profile_files.AUTH}."
    )


def _new_profile(call: Call) -> dict[str, str]:
    """A profile that is not there yet is about to be made: do not ask for it."""
    name = call.get("profile", "")
    is_there = any(
        (profile_files.folder_of(name) / file).exists()
        for file in (profile_files.AUTH, profile_files.SETTINGS)
    )
    return {} if is_there else {"profile": ""}


def _asked(call: Call) -> str:
    """A key typed at the terminal or piped in; an empty one means this machine's Hearth."""
    import getpass

    local = local_credentials()
    hint = f" (empty: that of the Hearth at {local['base_url']})" if local else ""
    is_typed = sys.stdin.isatty()
    try:
        typed = getpass.getpass(f"API key{hint}: ") if is_typed else sys.stdin.readline()
    except EOFError:  # Ctrl-D
        typed = ""
    typed = typed.strip()
    if not typed and not local:
        raise Failure(
            "No key was given. Make one in the console or with `firectl create api-key`, "
            "then `firectl signin --api-key KEY`.",
            exit_status=Exit.DENIED,
        )
    return typed or local["api_key"]


def _unknown(refused: Refused, base_url: str) -> str:
    if refused.exit_status != Exit.DENIED:
        return f"{base_url} answers: {refused.message}"
    local = local_credentials()
    other = f" such as {local['base_url']}" if local and local["base_url"] != base_url else ""
    return f"{base_url} does not know this key; --base-url names another server{other}."
