"""The routes that every collection has, built from what its service can do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Door, Permission, Visit, actor_of
from hearth.errors import InvalidRequest
from hearth.kit.bodies import decode_body, read_mask
from hearth.kit.names import to_camel
from hearth.kit.pages import Page, list_query
from hearth.resources.fields import Json, ignored_fields
from hearth.resources.service import Resources
from hearth.resources.types import Asking, Creation

T = TypeVar("T", bound=Struct)

MAX_KEY_CHARS = 256
_NOT_IN_HEADERS = re.compile(r"[^\x20-\x7e]")


class DescribedRoute(Route):
    """A route whose words for the reference are its own: one endpoint serves many kinds."""

    def __init__(
        self, path: str, endpoint: Callable[..., Any], method: str, summary: str
    ) -> None:  # Any: Starlette's own type
        super().__init__(path, endpoint, methods=[method])
        self.summary = summary


class ResourceRoutes(Generic[T]):
    """Create, list, get, update, delete and undelete of one kind below its parent.

    Args:
        resources: the service.
        door: lets callers in.
        writing: what it takes to change something; reading takes `Permission.READ`.
        changed: told after each change, before its answer, so that this process knows at once.
    """

    def __init__(
        self,
        resources: Resources[T],
        door: Door[Request],
        *,
        writing: Permission = Permission.WRITE,
        changed: Callable[[], None] | None = None,
    ) -> None:
        self._resources = resources
        self._door = door
        self._writing = writing
        self._changed = changed or _nothing

    def routes(self, *, parent: str = "/accounts/{account_id}") -> Sequence[Route]:
        """All six; undelete only where a deleted resource can be had back."""
        kind = self._resources.kind
        path = f"{parent}/{kind.collection}"
        one = f"{path}/{{resource_id}}"
        words = kind.words
        routes = [
            DescribedRoute(path, self.create, "POST", f"Create a {words}."),
            DescribedRoute(path, self.list, "GET", f"List {words}s."),
            DescribedRoute(one, self.get, "GET", f"Get a {words}."),
            DescribedRoute(one, self.update, "PATCH", f"Change a {words}."),
            DescribedRoute(one, self.delete, "DELETE", f"Delete a {words}."),
        ]
        if kind.restorable_s is None:
            return routes
        undelete = f"Have a deleted {words} back."
        return [DescribedRoute(f"{one}:undelete", self.undelete, "POST", undelete), *routes]

    async def create(self, request: Request) -> Response:
        """Create a resource."""
        visit = self._door.require(request, self._writing)
        kind = self._resources.kind
        whole = await json_body(request)
        body = whole
        chosen = request.query_params.get(kind.id_param, "")
        if kind.body_key and isinstance(whole.get(kind.body_key), dict):
            body = whole[kind.body_key]
            chosen = str(whole.get(kind.id_param) or chosen)
        new = Creation(parent=_parent(request), id=chosen, body=body)
        resource = await self._resources.create(new, asking_of(request, visit, self._writing))
        self._changed()
        return shown(resource, request, ignored=ignored_fields(kind, body))

    async def list(self, request: Request) -> Response:
        """List resources."""
        self._door.require(request, Permission.READ)
        page = await self._resources.list(
            _parent(request),
            list_query(request.query_params),
            with_deleted=request.query_params.get("showDeleted", "").lower() == "true",
        )
        return listing(self._resources.kind.collection, page, request)

    async def get(self, request: Request) -> Response:
        """Get a resource."""
        self._door.require(request, Permission.READ)
        return shown(await self._resources.get(self._name(request)), request)

    async def update(self, request: Request) -> Response:
        """Change a resource by what is present in the body."""
        visit = self._door.require(request, self._writing)
        body = await json_body(request)
        mask = [
            ".".join(to_camel(part) for part in path.strip().split("."))
            for path in request.query_params.get("updateMask", "").split(",")
            if path.strip() and path.strip() != "*"
        ]
        kind = self._resources.kind
        known = {field.encode_name for field in msgspec.structs.fields(kind.type)}
        if wrong := [path for path in mask if path.split(".")[0] not in known]:
            raise InvalidRequest(
                f"updateMask: a {kind.words} has no {', '.join(wrong)}.", param="updateMask"
            )
        resource = await self._resources.update(
            self._name(request), body, mask=mask, asking=asking_of(request, visit, self._writing)
        )
        self._changed()
        return shown(resource, request, ignored=ignored_fields(kind, body))

    async def delete(self, request: Request) -> Response:
        """Delete a resource."""
        visit = self._door.require(request, self._writing)
        await self._resources.delete(self._name(request), asking_of(request, visit, self._writing))
        self._changed()
        return answer({})

    async def undelete(self, request: Request) -> Response:
        """Have a deleted resource back."""
        visit = self._door.require(request, self._writing)
        resource = await self._resources.undelete(
            self._name(request), asking_of(request, visit, self._writing)
        )
        self._changed()
        return shown(resource, request)

    def _name(self, request: Request) -> str:
        return self._resources.name_of(_parent(request), request.path_params["resource_id"])


def _nothing() -> None:
    pass


def _parent(request: Request) -> str:
    """The name of what the collection of a path belongs to."""
    account = f"accounts/{request.path_params['account_id']}"
    parent_id = request.path_params.get("parent_id")
    if parent_id is None:
        return account
    collection = request.url.path.split("/accounts/", 1)[1].split("/")[1]
    return f"{account}/{collection}/{parent_id}"


async def json_body(request: Request) -> Json:
    """The body as a JSON object; none counts as an empty one. Raises `InvalidRequest`."""
    return decode_body(await request.body(), Json)


def asking_of(request: Request, visit: Visit, permission: Permission) -> Asking:
    """Who asks, and what was said beside the body.

    The key of a request is `Idempotency-Key`, or `requestId` of AIP-155.
    """
    key = request.headers.get("idempotency-key") or request.query_params.get("requestId", "")
    if len(key) > MAX_KEY_CHARS:
        raise InvalidRequest(
            f"requestId: at most {MAX_KEY_CHARS} characters identify a request.", param="requestId"
        )
    return Asking(
        actor=actor_of(request, visit.caller),
        caller=visit.caller,
        permission=permission,
        params=dict(request.query_params),
        request_key=key,
        is_retry=request.headers.get("x-stainless-retry-count", "0") != "0",
        etag=request.headers.get("if-match", "").strip('"').removeprefix("*"),
    )


def shown(resource: Struct, request: Request, *, ignored: Sequence[str] = ()) -> Response:
    """A resource as it is sent, by its `readMask`."""
    headers = {}
    if ignored:
        headers["x-ignored-fields"] = _NOT_IN_HEADERS.sub("?", ",".join(ignored)[:1024])
    return answer(read_mask(resource, request.query_params.get("readMask", "")), headers)


def listing(collection: str, page: Page[Any], request: Request) -> Response:
    """A page as it is sent."""
    mask = request.query_params.get("readMask", "")
    return answer(
        {
            collection: [read_mask(item, mask) for item in page.items],
            "nextPageToken": page.next_page_token,
            "totalSize": page.total_size,
        }
    )


def answer(body: object, headers: dict[str, str] | None = None) -> Response:
    """Any JSON answer."""
    return Response(msgspec.json.encode(body), media_type="application/json", headers=headers)
