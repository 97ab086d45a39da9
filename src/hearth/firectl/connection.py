"""Which server, which key, which account: flag, then environment, then profile, then this machine.

A Hearth that was started on this machine leaves `credentials.json` in its home. Its key is used
where nothing else is configured, and is sent to no other address than the one beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hearth.firectl import profile_files
from hearth.firectl.failures import Exit, Failure, UsageFailure
from hearth.firectl.parsing import Values

HOSTED = "https://api.fireworks.ai"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where requests go and as whom."""

    base_url: str
    api_key: str
    key_source: str
    "Where the key was found, for a person."
    account_id: str
    "Empty: the server says whose the key is."
    user_id: str
    "Empty: not known."

    def __repr__(self) -> str:
        return f"Connection({self.base_url}, {self.account_id}, key from {self.key_source})"


@dataclass(frozen=True, kw_only=True)
class _Key:
    text: str
    source: str
    account_id: str = ""
    user_id: str = ""


def connection_from(values: Values, environment: Mapping[str, str] = os.environ) -> Connection:
    """Gather what flags, environment, profile and this machine say.

    Raises:
        UsageFailure: the address is none.
        Failure: a file cannot be read.
    """
    folder = profile_files.folder_of(values.get("profile", ""))
    auth = profile_files.read(folder / profile_files.AUTH)
    settings = profile_files.read(folder / profile_files.SETTINGS)
    if values.get("profile") and not auth and not settings:
        raise UsageFailure(
            f"There is no profile {values['profile']!r}; "
            f"`firectl signin --profile {values['profile']}` makes it."
        )
    local = local_credentials(environment)
    if values.get("profile"):  # a flag is stronger than what the shell happens to hold
        environment = {}
    named = values.get("base-url") or environment.get("FIREWORKS_BASE_URL")
    named = host_root(named or settings.get("base_url", ""))
    key = _key(values, environment, auth)
    is_local = bool(local) and (key is None or key.text == local["api_key"])
    if is_local and named in ("", host_root(local["base_url"])):
        named = host_root(local["base_url"])
        key = _Key(
            text=local["api_key"],
            source=key.source if key else "the Hearth of this machine",
            account_id=local["account_id"],
            user_id=local["user_id"],
        )
    key = key or _Key(text="", source="nowhere")
    account_id = values.get("account-id") or environment.get("FIREWORKS_ACCOUNT_ID")
    return Connection(
        base_url=named or HOSTED,
        api_key=key.text,
        key_source=key.source,
        account_id=(account_id or key.account_id).removeprefix("accounts/"),
        user_id=key.user_id,
    )


def _key(values: Values, environment: Mapping[str, str], auth: dict[str, str]) -> _Key | None:
    """The first key there is. A profile's account goes with its own key only."""
    file_key = auth.get("api_key", "")
    found = [
        (values.get("api-key", ""), "--api-key"),
        (environment.get("FIREWORKS_API_KEY", ""), "FIREWORKS_API_KEY"),
        (file_key, profile_files.AUTH),
    ]
    for text, source in found:
        if text:
            is_files = text == file_key
            return _Key(
                text=text,
                source=source,
                account_id=auth.get("account_id", "") if is_files else "",
                user_id=auth.get("user_id", "") if is_files else "",
            )
    return None


def local_credentials(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a Hearth of this machine has left for its clients, or nothing."""
    home = Path(environment.get("HEARTH_HOME") or "~/.hearth").expanduser()
    try:
        left = json.loads((home / "credentials.json").read_bytes())
    except (OSError, ValueError):
        return {}
    wanted = ("account_id", "user_id", "api_key", "base_url")
    is_whole = isinstance(left, dict) and all(isinstance(left.get(name), str) for name in wanted)
    return {name: left[name] for name in wanted} if is_whole else {}


def host_root(text: str) -> str:
    """An address as people paste it, without `/inference/v1` or `/v1`.

    Raises:
        UsageFailure: it is not http:// or https://.
    """
    if not text:
        return ""
    root = text.strip().rstrip("/")
    for tail in ("/v1", "/inference"):
        root = root.removesuffix(tail)
    try:
        parts = urlsplit(root)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageFailure(f"{text!r} is no address; write one such as http://127.0.0.1:8080.")
    return root


def require_key(connection: Connection) -> None:
    """See that there is a key to send.

    Raises:
        Failure: there is none.
    """
    if not connection.api_key:
        raise Failure(
            "There is no API key: run `firectl signin`, set FIREWORKS_API_KEY, pass --api-key, "
            "or start a Hearth on this machine with `hearth up`.",
            exit_status=Exit.DENIED,
        )
