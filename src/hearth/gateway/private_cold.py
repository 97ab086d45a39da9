"""What answers on private endpoints besides inference: GET /models, with the one model there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from hearth.accounts import credential, digest
from hearth.errors import ApiError, MethodNotAllowed, ModelNotFound, PathNotFound
from hearth.gateway.dispatch import App, Authenticator
from hearth.gateway.error_shapes import Headers, error_body, error_headers, family_of
from hearth.gateway.http import JSON, Receive, Scope, Send
from hearth.gateway.metrics import Metrics
from hearth.gateway.private_endpoints import Endpoint, PrivateEndpoints
from hearth.kit.ids import new_uuid

MODELS = "/models"


@dataclass(frozen=True)
class ColdArrival:
    """A request that uvicorn read; see `Arrival`."""

    scope: Scope

    @property
    def lines(self) -> Headers:
        """See `Arrival`."""
        return list(self.scope["headers"])

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """See `Arrival`."""
        return dict(self.scope["headers"])

    @property
    def peer_host(self) -> str | None:
        """See `Arrival`."""
        client = self.scope.get("client")
        return None if client is None else str(client[0])

    @property
    def local_port(self) -> int:
        """See `Arrival`."""
        server = self.scope.get("server")
        return 0 if server is None else server[1] or 0

    @property
    def is_tls(self) -> bool:
        """See `Arrival`."""
        return bool(self.scope.get("scheme") == "https")


class PrivateCold:
    """Answers what comes to private endpoints and lets the rest through; an ASGI application.

    Args:
        cold: for everybody's endpoint.
        endpoints: the private ones.
        keys: who has which key.
        metrics: counts the answers.
    """

    def __init__(
        self, cold: App, endpoints: PrivateEndpoints, keys: Authenticator, metrics: Metrics
    ) -> None:
        self._cold = cold
        self._endpoints = endpoints
        self._keys = keys
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        endpoint = self._endpoints.at(ColdArrival(scope)) if scope["type"] == "http" else None
        if endpoint is None:
            await self._cold(scope, receive, send)
            return
        path, request_id = scope["path"], new_uuid()
        headers = [JSON, (b"x-request-id", request_id.encode())]
        try:
            status, body = 200, self._answer(scope, endpoint)
        except ApiError as error:
            status, body = error.status, error_body(error, request_id, family_of(path))
            headers += error_headers(error)
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self._metrics.count_request(MODELS if path.startswith(MODELS) else "other", status)

    def _answer(self, scope: Scope, endpoint: Endpoint) -> bytes:
        arrival, path = ColdArrival(scope), scope["path"]
        if path != MODELS and not path.startswith(f"{MODELS}/"):
            raise PathNotFound(f"Path not found: {path}")
        caller = self._keys.caller(digest(credential(dict(arrival.headers))))
        named = path[len(MODELS) + 1 :]
        try:
            self._endpoints.admit(arrival, caller, endpoint, named)
        except ModelNotFound as error:
            # One message, whether the endpoint is gone or closed to this caller.
            raise error if named else PathNotFound(f"Path not found: {path}") from error
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{path} does not take {scope['method']}.")
        described = _describe(endpoint)
        return msgspec.json.encode(described if named else {"object": "list", "data": [described]})


def _describe(endpoint: Endpoint) -> dict[str, object]:
    deployment = endpoint.deployment
    assert deployment is not None, "it was admitted"
    return {
        "id": deployment.name,
        "object": "model",
        "owned_by": deployment.account_id,
        "base_model": deployment.base_model,
        "compliance_mode": "" if deployment.mode is None else deployment.mode.name,
        "callable": True,
    }
