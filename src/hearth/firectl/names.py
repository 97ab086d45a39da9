"""Names of resources as people write them: bare ids, full names, kebab or camelCase collections."""

from __future__ import annotations

import re

from hearth.firectl.http import quoted


def camel(word: str) -> str:
    """`deployed-models` as `deployedModels`."""
    return re.sub(r"-([a-z0-9])", lambda match: match.group(1).upper(), word)


def is_full(name: str) -> bool:
    """Whether a name says its account itself."""
    return name.startswith("accounts/")


def full_name(account_id: str, collection: str, name: str) -> str:
    """The one form of a name: `accounts/{account}/{collection}/{id}`.

    `fireworks/some-model` is the short form that models have.
    """
    name = name.strip().strip("/")
    if is_full(name):
        parts = name.split("/")
        return "/".join(camel(part) if place % 2 == 0 else part for place, part in enumerate(parts))
    owner, slash, short = name.partition("/")
    if slash and "/" not in short:
        return f"accounts/{owner}/{collection}/{short}"
    return f"accounts/{account_id}/{collection}/{name}"


def path_of(name: str) -> str:
    """The path of a full name on the wire."""
    return "/v1/" + "/".join(quoted(part) for part in name.split("/"))


def last_of(name: str) -> str:
    """The id at a name's end."""
    return name.rstrip("/").rpartition("/")[2]


def id_from(text: str) -> str:
    """An id that may be made of a display name: `My Deployment!` gives `my-deployment`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-")
