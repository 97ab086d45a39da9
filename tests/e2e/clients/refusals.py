"""What a client makes of a refusal."""

from __future__ import annotations

from tests.e2e.clients.driven import Facts


def told(refusal: Facts) -> tuple[str, int, str | None]:
    """The class of an error, its gRPC code and the field at fault; both shapes of it agree."""
    body = refusal["body"]
    assert body["message"] == body["error"]["message"]
    assert isinstance(body["details"], list)
    assert refusal["num_requests"] == 1, "it was tried again"
    return refusal["kind"], body["code"], body["error"]["param"]
