"""The inference plane as an OpenAPI 3.1 document, made from the route table and the request types.

The document says what the decoders take, so it cannot drift from them; it is made when somebody
asks for it. https://spec.openapis.org/oas/v3.1.1
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.gateway.error_shapes import Family, family_of
from hearth.gateway.messages.types import MessagesRequest
from hearth.gateway.responses.types import ResponsesRequest
from hearth.gateway.types import ChatRequest, CompletionRequest
from hearth.gateway.vector_types import EmbeddingsRequest, RerankRequest

RouteRow = tuple[str, str, str]
"Method, canonical path, and what it does."

Json = dict[str, Any]  # Any: JSON

BODIES: dict[str, type[Struct]] = {
    "/chat/completions": ChatRequest,
    "/completions": CompletionRequest,
    "/messages": MessagesRequest,
    "/responses": ResponsesRequest,
    "/embeddings": EmbeddingsRequest,
    "/rerank": RerankRequest,
}
"""The request type of every POST of the inference plane, by canonical path."""

_ABOUT_THE_SERVER = {"/healthz", "/readyz", "/metrics", "/openapi.json"}
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
_SCHEMAS = "#/components/schemas/"


class InferenceError(Struct):
    """What went wrong with which field, and the remedy."""

    object: str
    type: str
    code: str
    message: str
    param: str | None
    details: str | msgspec.UnsetType = msgspec.UNSET


class InferenceFailure(Struct):
    """An error in the form that OpenAI's clients read."""

    error: InferenceError
    request_id: str


class AnthropicError(Struct):
    """What went wrong."""

    type: str
    message: str


class AnthropicFailure(Struct):
    """An error in the form that Anthropic's clients read."""

    type: str
    error: AnthropicError
    request_id: str


_FAILURES: dict[Family, type[Struct]] = {
    Family.INFERENCE: InferenceFailure,
    Family.ANTHROPIC: AnthropicFailure,
}


def route_rows(hot: Mapping[str, str], cold: Iterable[Route]) -> list[RouteRow]:
    """Routes with what they do: the hot ones by path, then others as their handlers say."""
    return [
        *(("POST", path, summary) for path, summary in hot.items()),
        *(
            (method, route.path, _summary(route))
            for route in cold
            for method in sorted((route.methods or {"GET"}) - {"HEAD"})
        ),
    ]


def _summary(route: Route) -> str:
    """What a route does: as it says itself, or as its handler does."""
    own: str = getattr(route, "summary", "")
    return own or (inspect.getdoc(route.endpoint) or "").partition("\n")[0]


def openapi_route(table: Iterable[RouteRow], *, is_strict: bool) -> Route:
    """GET /openapi.json, which needs no key."""
    rows = list(table)

    async def show_openapi(_: Request) -> Response:
        """Describe the inference routes as OpenAPI 3.1."""
        content = document(rows, BODIES, is_strict=is_strict)
        return Response(msgspec.json.encode(content), media_type="application/json")

    return Route("/openapi.json", show_openapi)


def document(
    table: Iterable[RouteRow], bodies: Mapping[str, type[Struct]], *, is_strict: bool
) -> Json:
    """Describe the inference routes of a table.

    Args:
        table: every route; those of the control plane and about the server are left out.
        bodies: the request types by canonical path.
        is_strict: whether unknown fields are refused.
    """
    paths: dict[str, Json] = {}
    for method, path, summary in table:
        if path in _ABOUT_THE_SERVER or family_of(path) is Family.CONTROL_PLANE:
            continue
        body = bodies.get(path) if method == "POST" else None
        operation = _operation(path, summary, body)
        paths.setdefault(_PARAMETER.sub(r"{\1}", path), {})[method.lower()] = operation
    return {
        "openapi": "3.1.1",
        "info": {"title": "Hearth", "version": version("hearth")},
        "servers": [{"url": "/inference/v1"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(bodies.values(), is_strict=is_strict),
        },
    }


def _operation(path: str, summary: str, body: type[Struct] | None) -> Json:
    """One method of one path."""
    answers = ["application/json"]
    operation: Json = {"summary": summary}
    if names := _PARAMETER.findall(path):
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ]
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _json_of(body)}
        if "stream" in body.__struct_fields__:
            answers.append("text/event-stream")
    failure = _FAILURES[family_of(path)]
    operation["responses"] = {
        "200": {"description": "The answer.", "content": {kind: {} for kind in answers}},
        "default": {"description": "What went wrong.", "content": _json_of(failure)},
    }
    return operation


def _json_of(kind: type[Struct]) -> Json:
    return {"application/json": {"schema": {"$ref": f"{_SCHEMAS}{kind.__name__}"}}}


def _schemas(bodies: Iterable[type[Struct]], *, is_strict: bool) -> Json:
    """The schemas that operations refer to, and those that they refer to."""
    roots = [*bodies, *_FAILURES.values()]
    _, schemas = msgspec.json.schema_components(roots, ref_template=_SCHEMAS + "{name}")
    if not is_strict:
        for body in bodies:  # the types are closed for speed; what they do not know is ignored
            schemas[body.__name__].pop("additionalProperties", None)
    return schemas
