"""GET /models and /models/{name}."""

from __future__ import annotations

from urllib.parse import quote

from hearth.conformance.server import Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect, has


def _lists(server: Server) -> None:
    listing = server.accepted(server.send("GET", "/models")).json
    has(listing, "object", "data")
    for model in listing["data"]:
        has(model, "id", "object", "owned_by", "created")
        expect(isinstance(model["created"], int), f"{model['id']}: `created` is no integer.")


def _finds_one(server: Server) -> None:
    name = server.subjects.chat
    for shown in (name, quote(name, safe="")):
        model = server.accepted(server.send("GET", f"/models/{shown}")).json
        expect(model["object"] == "model", "`object` is not `model`.")


def _misses_one(server: Server) -> None:
    answer = server.send("GET", "/models/no-such-model-anywhere")
    expect(answer.status == 404, f"An unknown model gives {answer.status}, not 404.")


CHECKS = [
    Check("models", "the list has ids, owners and creation times", _lists),
    Check("models", "one is found by its name, plain and percent-encoded", _finds_one),
    Check("models", "an unknown one is a 404", _misses_one),
]
