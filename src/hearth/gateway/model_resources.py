"""Models as the control plane shows them: `accounts/{account}/models/{model}`, to read only.

Fireworks, "List models" and "Get model"; the catalogue and the model store decide what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Caller, Permission, require
from hearth.catalog import PUBLIC_ACCOUNT, Capability, CatalogModel, Serving
from hearth.errors import InvalidRequest, NotFound
from hearth.gateway.routing import Router
from hearth.kit.bodies import read_mask
from hearth.kit.pages import ListQuery, Page, list_query


class BaseModelDetails(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is known of a base model; the count is text, as 64-bit integers are in proto3 JSON."""

    parameter_count: str
    moe: bool


class ModelStatus(Struct, frozen=True, kw_only=True):
    """How a model fares; the message says why it cannot be called, or what answers for it."""

    code: str = "OK"
    message: str = ""


class Model(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A model of an account; what is not known is left out."""

    name: str
    display_name: str
    description: str
    create_time: datetime
    state: str
    status: ModelStatus
    kind: str
    public: bool
    supports_image_input: bool
    supports_tools: bool
    supports_lora: bool
    supports_serverless: bool
    context_length: int | None = None
    base_model_details: BaseModelDetails | None = None


def model_resource_routes(router: Router, caller_of: Callable[[Request], Caller]) -> list[Route]:
    """GET /accounts/{account}/models and GET /accounts/{account}/models/{model}."""

    def account_of(request: Request) -> str:
        account_id: str = request.path_params["account_id"]
        caller = caller_of(request)
        if account_id not in (PUBLIC_ACCOUNT, caller.account_id):
            raise NotFound(f"There is no account {account_id[:80]!r}.")
        require(caller, Permission.READ)
        return account_id

    async def list_account_models(request: Request) -> Response:
        """List the models of an account, by name."""
        account_id = account_of(request)
        page = _page(router.owned_by(account_id), list_query(request.query_params))
        mask = request.query_params.get("readMask", "")
        return _json(
            {
                "models": [read_mask(model, mask) for model in page.items],
                "nextPageToken": page.next_page_token,
                "totalSize": page.total_size,
            }
        )

    async def get_account_model(request: Request) -> Response:
        """Show one model of an account."""
        account_id, model_id = account_of(request), request.path_params["model_id"]
        for model, serving in router.owned_by(account_id):
            if model.id == model_id:
                mask = request.query_params.get("readMask", "")
                return _json(read_mask(_resource(model, serving), mask))
        raise NotFound(f"There is no model {model_id[:80]!r} in account {account_id!r}.")

    path = "/accounts/{account_id}/models"
    return [
        Route(path, list_account_models, methods=["GET"]),
        Route(f"{path}/{{model_id}}", get_account_model, methods=["GET"]),
    ]


def _page(owned: list[tuple[CatalogModel, Serving]], query: ListQuery) -> Page[Model]:
    """Cut a page; its token is the last id on it, so that models may come and go in between.

    Raises:
        InvalidRequest: the list cannot be filtered or ordered yet.
    """
    for name, asked in (("filter", query.filter), ("orderBy", query.order_by)):
        if asked.strip():
            raise InvalidRequest(
                f"{name}: models cannot be filtered or ordered yet; leave it out.", param=name
            )
    rest = [(model, serving) for model, serving in owned if model.id > query.page_token]
    cut = rest[: query.page_size]
    return Page(
        items=[_resource(model, serving) for model, serving in cut],
        next_page_token=cut[-1][0].id if len(rest) > len(cut) else "",
        total_size=len(owned),
    )


def _resource(model: CatalogModel, serving: Serving) -> Model:
    details = None
    if model.parameters is not None:
        details = BaseModelDetails(
            parameter_count=str(model.parameters), moe=model.active_parameters is not None
        )
    return Model(
        name=model.name,
        display_name=model.display_name,
        description=model.description,
        create_time=datetime.combine(model.created, time(), UTC),
        state="READY",
        status=ModelStatus(message=serving.details),
        kind=str(model.kind),
        public=model.account == PUBLIC_ACCOUNT,
        supports_image_input=Capability.IMAGE_INPUT in model.capabilities,
        supports_tools=Capability.TOOLS in model.capabilities,
        supports_lora=Capability.LORA in model.capabilities,
        supports_serverless=serving.callable,
        context_length=model.context_length,
        base_model_details=details,
    )


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
