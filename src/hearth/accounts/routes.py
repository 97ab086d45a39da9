"""The control plane of accounts, users and keys, and the check of a key.

Paths arrive without `/inference` and `/v1`. Another account's resources look like none at all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts.access import require, require_self_or_admin
from hearth.accounts.audit import actor_of
from hearth.accounts.audit.routes import audit_routes
from hearth.accounts.door import Door, Visit
from hearth.accounts.keys import KeyService
from hearth.accounts.roles import Permission
from hearth.accounts.service import AccountService
from hearth.accounts.types import Caller, KeyCreate, NewApiKey, UserCreate, UserUpdate
from hearth.errors import NotFound
from hearth.kit.bodies import ShortText, check_mask, decode_body, read_mask
from hearth.kit.ids import is_resource_id
from hearth.kit.pages import Page, list_query

CallerOf = Callable[[Request], Caller]
KeysChanged = Callable[[], Awaitable[None]]

_UPDATABLE = {"role", "displayName", "email", "permissionPreset"}


class _KeyCreation(Struct, rename="camel"):
    api_key: KeyCreate


class _KeyDeletion(Struct, rename="camel"):
    key_id: ShortText


def routes(
    service: AccountService, caller_of: CallerOf, keys_changed: KeysChanged | None = None
) -> list[Route]:
    """Every route of this feature.

    Args:
        service: does the work.
        caller_of: authenticates a request; raises `Unauthenticated`.
        keys_changed: awaited after a change of keys or roles and before its answer, so that this
            gateway's next request sees it; other gateways follow the version row.
    """
    accounts = _Accounts(service, caller_of)
    users = _Users(service, Door(caller_of), keys_changed or _nothing)
    keys = _Keys(service.keys, Door(caller_of), keys_changed or _nothing)
    user = "/accounts/{account_id}/users/{user_id}"
    return [
        Route("/verifyApiKey", accounts.verify, methods=["GET"]),
        Route("/accounts", accounts.list, methods=["GET"]),
        Route("/accounts/{account_id}", accounts.get, methods=["GET"]),
        Route("/accounts/{account_id}/users", users.list, methods=["GET"]),
        Route("/accounts/{account_id}/users", users.create, methods=["POST"]),
        Route(user, users.get, methods=["GET"]),
        Route(user, users.update, methods=["PATCH"]),
        Route(user, users.delete, methods=["DELETE"]),
        Route("/accounts/{account_id}/apiKeys", keys.list_all, methods=["GET"]),
        Route("/accounts/{account_id}/apiKeys:delete", keys.delete_any, methods=["POST"]),
        Route(f"{user}/apiKeys", keys.list, methods=["GET"]),
        Route(f"{user}/apiKeys", keys.create, methods=["POST"]),
        Route(f"{user}/apiKeys:delete", keys.delete, methods=["POST"]),
        Route(f"{user}/apiKeys/{{key_id}}", keys.get, methods=["GET"]),
        *audit_routes(service.audit_log, caller_of),
    ]


class _Accounts:
    def __init__(self, service: AccountService, caller_of: CallerOf) -> None:
        self._service = service
        self._caller_of = caller_of
        self._door = Door(caller_of)

    async def verify(self, request: Request) -> Response:
        """Say whether the key is good, and whose it is."""
        account_id = self._caller_of(request).account_id
        return Response(
            b"{}",
            media_type="application/json",
            headers={"x-fireworks-account-id": account_id},
        )

    async def list(self, request: Request) -> Response:
        """List the accounts that the caller may see: its own."""
        account_id = self._caller_of(request).account_id
        query = list_query(request.query_params)
        page = await self._service.list_accounts(query, account_id=account_id)
        return _listing("accounts", page, request)

    async def get(self, request: Request) -> Response:
        """Get the caller's account."""
        account_id = self._door.enter(request).account_id
        return _resource(await self._service.get_account(account_id), request)


class _Users:
    def __init__(
        self, service: AccountService, door: Door[Request], keys_changed: KeysChanged
    ) -> None:
        self._service = service
        self._door = door
        self._keys_changed = keys_changed

    async def create(self, request: Request) -> Response:
        """Add a user to the account."""
        caller, account_id = self._door.admin(request)
        spec = decode_body(await request.body(), UserCreate)
        user_id = request.query_params.get("userId")
        user = await self._service.create_user(
            account_id,
            spec,
            user_id=user_id,
            actor=actor_of(request, caller),
            is_retry=request.headers.get("x-stainless-retry-count", "0") != "0",
        )
        return _resource(user, request)

    async def list(self, request: Request) -> Response:
        """List the users of the account."""
        account_id = self._door.visit(request).account_id
        page = await self._service.list_users(account_id, list_query(request.query_params))
        return _listing("users", page, request)

    async def get(self, request: Request) -> Response:
        """Get a user of the account."""
        (caller, account_id), user_id = self._door.enter(request), _user_id(request)
        if caller.user_id != user_id:
            require(caller, Permission.READ)
        return _resource(await self._service.get_user(account_id, user_id), request)

    async def update(self, request: Request) -> Response:
        """Change the fields of a user that the body or `updateMask` names."""
        (caller, account_id), user_id = self._door.enter(request), _user_id(request)
        require_self_or_admin(caller, user_id)
        change = decode_body(await request.body(), UserUpdate)
        change = _masked(change, request.query_params.get("updateMask", ""))
        if not change.etag:
            change = msgspec.structs.replace(change, etag=request.headers.get("if-match", ""))
        user = await self._service.update_user(
            account_id, user_id, change, actor=actor_of(request, caller), by=caller
        )
        await self._keys_changed()
        return _resource(user, request)

    async def delete(self, request: Request) -> Response:
        """Remove a user and end its keys."""
        (caller, account_id), user_id = self._door.admin(request), _user_id(request)
        etag = request.query_params.get("etag") or request.headers.get("if-match", "")
        await self._service.delete_user(
            account_id, user_id, actor=actor_of(request, caller), etag=etag
        )
        await self._keys_changed()
        return _json({})


class _Keys:
    def __init__(self, keys: KeyService, door: Door[Request], keys_changed: KeysChanged) -> None:
        self._keys = keys
        self._door = door
        self._keys_changed = keys_changed

    async def create(self, request: Request) -> Response:
        """Make a key and show it, once."""
        (caller, account_id), user_id = self._owner(request)
        spec = decode_body(await request.body(), _KeyCreation).api_key
        key, secret = await self._keys.create(
            account_id, user_id, spec, actor=actor_of(request, caller)
        )
        await self._keys_changed()
        return _resource(NewApiKey(**msgspec.structs.asdict(key), key=secret), request)

    async def list(self, request: Request) -> Response:
        """List the keys of a user, without their secrets."""
        (_, account_id), user_id = self._owner(request)
        page = await self._keys.list(account_id, user_id, list_query(request.query_params))
        return _listing("apiKeys", page, request)

    async def list_all(self, request: Request) -> Response:
        """List the keys of every user of the account."""
        account_id = self._door.admin(request).account_id
        page = await self._keys.list(account_id, None, list_query(request.query_params))
        return _listing("apiKeys", page, request)

    async def get(self, request: Request) -> Response:
        """Get a key of a user, without its secret."""
        (_, account_id), user_id = self._owner(request)
        key_id = _id(request, "key_id")
        return _resource(await self._keys.get(account_id, user_id, key_id), request)

    async def delete(self, request: Request) -> Response:
        """End a key."""
        visit, user_id = self._owner(request)
        return await self._delete(request, visit, user_id)

    async def delete_any(self, request: Request) -> Response:
        """End a key of whichever user of the account."""
        return await self._delete(request, self._door.admin(request), None)

    async def _delete(self, request: Request, visit: Visit, user_id: str | None) -> Response:
        caller, account_id = visit
        key_id = decode_body(await request.body(), _KeyDeletion).key_id
        owner = user_id or await self._keys.owner(account_id, key_id)
        await self._keys.delete(account_id, owner, key_id, actor=actor_of(request, caller))
        await self._keys_changed()
        return _json({})

    def _owner(self, request: Request) -> tuple[Visit, str]:
        """Who asks, and whose keys are meant; users manage their own, admins everyone's."""
        visit, user_id = self._door.enter(request), _user_id(request)
        require_self_or_admin(visit.caller, user_id)
        return visit, user_id


async def _nothing() -> None:
    pass


def _user_id(request: Request) -> str:
    return _id(request, "user_id")


def _id(request: Request, name: str) -> str:
    """An id of the path; what could never be one is not worth asking the database."""
    text: str = request.path_params[name]
    if not is_resource_id(text):
        raise NotFound(f"There is nothing called {text[:80]!r} here.")
    return text


def _masked(change: UserUpdate, mask: str) -> UserUpdate:
    """Leave out what a mask does not name, and empty what it names but the body lacks."""
    names = check_mask(mask, _UPDATABLE)
    if not names:
        return change
    given = msgspec.to_builtins(change)
    chosen = {name: given.get(name, "") for name in names} | {"etag": change.etag}
    return decode_body(msgspec.json.encode(chosen), UserUpdate)


def _listing(collection: str, page: Page[Struct], request: Request) -> Response:
    mask = request.query_params.get("readMask", "")
    return _json(
        {
            collection: [read_mask(item, mask) for item in page.items],
            "nextPageToken": page.next_page_token,
            "totalSize": page.total_size,
        }
    )


def _resource(resource: Struct, request: Request) -> Response:
    return _json(read_mask(resource, request.query_params.get("readMask", "")))


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
