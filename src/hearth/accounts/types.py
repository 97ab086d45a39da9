"""Accounts, users and keys, in the form that the control plane sends and takes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

from hearth.accounts.roles import Permission, Permissions, Role, permissions_of
from hearth.kit.bodies import ShortText

AwareTime = Annotated[datetime, Meta(tz=True)]


class State(StrEnum):
    """Where an account or user stands; ours are ready as soon as they exist."""

    READY = "READY"


class Caller(Struct, frozen=True, kw_only=True):
    """Who a request comes from, as its key says."""

    account_id: str
    user_id: str
    key_id: str
    role: Role
    permission_preset: str = ""
    keep_s: int | None = None
    "How long answers to this key may be repeated, where a request does not say; see `keep_s_of`."
    permissions: Permissions = frozenset()
    "What role and preset allow; worked out once, whatever is passed."
    may_infer: bool = False
    "Whether `permissions` holds `infer`: what every inference request asks."

    def __post_init__(self) -> None:
        permissions = permissions_of(self.role, self.permission_preset)
        force_setattr(self, "permissions", permissions)
        force_setattr(self, "may_infer", Permission.INFER in permissions)


class Status(Struct, frozen=True):
    """How a resource fares, in the words of google.rpc.Code."""

    code: str = "OK"
    message: str = ""


class Account(Struct, frozen=True, kw_only=True, rename="camel"):
    """What owns everything else; `name` is `accounts/{account}`."""

    name: str
    display_name: str
    account_type: str = "ACCOUNT_TYPE_UNSPECIFIED"
    "Always the same: no account here has more than another."
    email: str
    state: State
    status: Status = Status()
    suspend_state: str = "UNSUSPENDED"
    create_time: datetime
    update_time: datetime


class User(Struct, frozen=True, kw_only=True, rename="camel"):
    """A person or a program in an account; `name` is `accounts/{account}/users/{user}`."""

    name: str
    display_name: str
    email: str
    role: Role
    service_account: bool
    permission_preset: str
    state: State
    status: Status = Status()
    create_time: datetime
    update_time: datetime
    etag: str = ""
    "Differs whenever something that a client chose does; see `kit.etags`."


class UserCreate(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is chosen of a new user."""

    role: Role
    display_name: ShortText = ""
    email: ShortText = ""
    service_account: bool = False
    permission_preset: ShortText = ""


class UserUpdate(Struct, frozen=True, kw_only=True, rename="camel"):
    """What may be changed of a user; what is unset stays.

    `name` and `service_account` may be repeated as they are; `etag`, where given, must be the
    user's present one.
    """

    name: ShortText | UnsetType = UNSET
    service_account: bool | UnsetType = UNSET
    etag: ShortText = ""

    role: Role | UnsetType = UNSET
    display_name: ShortText | UnsetType = UNSET
    email: ShortText | UnsetType = UNSET
    permission_preset: ShortText | UnsetType = UNSET


class ApiKey(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A key, without its secret: `prefix` is how its owner recognises it.

    `name` is `accounts/{account}/users/{user}/apiKeys/{key}`.
    """

    name: str
    key_id: str
    display_name: str
    email: str
    prefix: str
    secure: bool
    create_time: datetime
    expire_time: datetime | None = None
    annotations: dict[str, str] = {}
    disabled: bool = False


RESPONSE_CACHE = "response-cache"
"The annotation that lets answers to a key be repeated: `true`, or for how many seconds."
MAX_KEEP_S, DEFAULT_KEEP_S = 86_400, 3_600


def keep_s_of(annotations: dict[str, str]) -> int | None:
    """How long answers to a key with these annotations may be repeated; None: they are not.

    Raises:
        ValueError: the annotation is there and says something else.
    """
    value = annotations.get(RESPONSE_CACHE, "false")
    if value in ("true", "false"):
        return DEFAULT_KEEP_S if value == "true" else None
    if value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= MAX_KEEP_S:
        return int(value)
    raise ValueError(f"must be true, false or seconds from 1 to {MAX_KEEP_S}")


class NewApiKey(ApiKey, frozen=True, kw_only=True, rename="camel"):
    """The answer to the creation of a key, the only one that holds its secret."""

    key: str

    def __repr__(self) -> str:
        return f"NewApiKey({self.key_id})"


class KeyCreate(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is chosen of a new key."""

    display_name: ShortText = ""
    expire_time: AwareTime | None = None
    annotations: Annotated[dict[ShortText, ShortText], Meta(max_length=32)] = {}
