"""The spellings in which a request may name a model, and what each means.

Knows the forms, not the models: the catalogue looks names up, aliases before any rule of ids,
because aliases such as `nomic-embed-text-v1.5` break those rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

MAX_NAME_CHARS = 512
"Longer than two full resource names; what is longer is not looked at."

_VERSION_DOT = re.compile(r"(?<=\d)\.(?=\d)")


class Collection(StrEnum):
    """The resources a `model` field can name."""

    MODELS = "models"
    DEPLOYED_MODELS = "deployedModels"
    DEPLOYMENTS = "deployments"
    ROUTERS = "routers"


_COLLECTIONS = {collection.value: collection for collection in Collection}
_COLLECTIONS["deployed-models"] = Collection.DEPLOYED_MODELS


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelName:
    """A name taken apart.

    Args:
        account: None when the name is bare: the caller's own account comes first, then fireworks.
        id: as written, dots included, so not always a resource id.
        deployment: the full name of the deployment after `#`.
    """

    collection: Collection
    account: str | None
    id: str
    deployment: str | None = None

    def in_account(self, account: str) -> str:
        """The full resource name, in `account` when the name is bare."""
        return f"accounts/{self.account or account}/{self.collection}/{self.id}"


def decode(name: str) -> str:
    """Undo percent-encoding; some clients encode the slashes of a model name."""
    return unquote(name) if "%" in name else name


def undot(name: str) -> str:
    """Write version dots the way ids do: `llama-v3.1` becomes `llama-v3p1`."""
    return _VERSION_DOT.sub("p", name)


def parse(name: str) -> ModelName | None:
    """Take a decoded name apart; None when it has none of the accepted forms.

    The forms are `accounts/A/<collection>/X`, `A/M` and `M`, the model ones optionally followed
    by `#accounts/B/deployments/D` or `#B/D`.
    """
    if not 0 < len(name) <= MAX_NAME_CHARS or not name.isprintable():
        return None
    left, hash_mark, right = name.partition("#")
    found = _parse_resource(left)
    if found is None or not hash_mark:
        return found
    deployment = _parse_deployment(right)
    if deployment is None or found.collection is not Collection.MODELS:
        return None
    return ModelName(
        collection=found.collection, account=found.account, id=found.id, deployment=deployment
    )


def _parse_resource(text: str) -> ModelName | None:
    parts = text.split("/")
    if not all(parts):
        return None
    match parts:
        case ["accounts", account, collection, id] if collection in _COLLECTIONS:
            return ModelName(collection=_COLLECTIONS[collection], account=account, id=id)
        case [account, id]:
            return ModelName(collection=Collection.MODELS, account=account, id=id)
        case [id]:
            return ModelName(collection=Collection.MODELS, account=None, id=id)
    return None


def _parse_deployment(text: str) -> str | None:
    match text.split("/"):
        case ["accounts", account, "deployments", id] | [account, id] if account and id:
            return f"accounts/{account}/deployments/{id}"
    return None
