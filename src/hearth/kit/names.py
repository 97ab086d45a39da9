"""Resource names: `accounts/{account}/{collection}/{id}` and deeper."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hearth.errors import InvalidRequest

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}", re.ASCII)
_COLLECTION = re.compile(r"[a-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ResourceName:
    """A parsed name; `path` pairs each collection, in camelCase, with an id in it."""

    account_id: str
    path: tuple[tuple[str, str], ...] = ()

    @property
    def collection(self) -> str:
        """Where the named resource itself lives."""
        return self.path[-1][0] if self.path else "accounts"

    @property
    def id(self) -> str:
        """The last segment."""
        return self.path[-1][1] if self.path else self.account_id

    def __str__(self) -> str:
        return "/".join(
            ("accounts", self.account_id, *(part for pair in self.path for part in pair))
        )


def parse_name(text: str, *, param: str | None = None) -> ResourceName:
    """Read a full name; collections may be written `deployed-models` or `deployedModels`.

    Raises:
        InvalidRequest: it is no resource name.
    """
    parts = text.split("/")
    collections, ids = parts[::2], parts[1::2]
    well_formed = (
        parts[0] == "accounts"
        and len(collections) == len(ids)
        and all(_COLLECTION.fullmatch(part) for part in collections)
        and all(_SEGMENT.fullmatch(part) for part in ids)
    )
    if not well_formed:
        raise InvalidRequest(
            f"{text[:200]!r} is not a resource name: write accounts/ACCOUNT/COLLECTION/ID.",
            param=param,
        )
    camel = [to_camel(part, "-") for part in collections]
    return ResourceName(account_id=ids[0], path=tuple(zip(camel[1:], ids[1:], strict=True)))


def resolve_name(
    text: str, *, account_id: str, collection: str, param: str | None = None
) -> ResourceName:
    """Read a full name, or a bare id that lies in `collection` of the account.

    Raises:
        InvalidRequest: it is neither, or names something of another collection.
    """
    if "/" not in text:
        text = f"accounts/{account_id}/{collection}/{text}"
    name = parse_name(text, param=param)
    if name.collection != collection:
        raise InvalidRequest(
            f"{text!r} is in {name.collection}; here one of {collection} is needed.", param=param
        )
    return name


def to_camel(text: str, separator: str = "_") -> str:
    """`create_time` → `createTime`; what is camelCase already stays."""
    head, *rest = text.split(separator)
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def to_snake(text: str) -> str:
    """`createTime` → `create_time`; what is snake_case already stays."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", text).lower()
