"""GET /responses, GET and DELETE /responses/{id}."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Permission, require
from hearth.errors import InvalidRequest
from hearth.gateway.responses.archive import Archive, Cursor
from hearth.gateway.routes import CallerOf

DEFAULT_LIMIT, MAX_LIMIT = 20, 100


def response_routes(archive: Archive, caller_of: CallerOf) -> list[Route]:
    """The routes of kept responses, for who may have more of them made."""

    def account_of(request: Request) -> str:
        caller = caller_of(request)
        require(caller, Permission.INFER)
        return caller.account_id

    async def list_responses(request: Request) -> Response:
        """List the account's kept responses, newest first."""
        account_id = account_of(request)
        query = request.query_params
        listing = await archive.list(
            account_id, cursor=_cursor(request), limit=_limit(query.get("limit"))
        )
        return _json(msgspec.json.encode(listing))

    async def get_response(request: Request) -> Response:
        """Show a kept response."""
        account_id = account_of(request)
        return _json(await archive.get(account_id, request.path_params["response_id"]))

    async def delete_response(request: Request) -> Response:
        """Delete a kept response."""
        account_id = account_of(request)
        await archive.delete(account_id, request.path_params["response_id"])
        return _json(b'{"message":"Response deleted successfully"}')

    one = "/responses/{response_id}"
    return [
        Route("/responses", list_responses, methods=["GET"]),
        Route(one, get_response, methods=["GET"]),
        Route(one, delete_response, methods=["DELETE"]),
    ]


def _cursor(request: Request) -> Cursor | None:
    after, before = (request.query_params.get(name) for name in ("after", "before"))
    if after and before:
        raise InvalidRequest("Give either 'after' or 'before', not both.", param="after")
    if after:
        return "after", after
    return ("before", before) if before else None


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_LIMIT):
        raise InvalidRequest(f"'limit' must be 1 to {MAX_LIMIT}.", param="limit")
    return int(text)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
