"""The error envelope of the inference API."""

from __future__ import annotations

from typing import Any

from hearth.conformance.server import Answer, Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect, has

BAD_FIELDS: list[dict[str, Any]] = [
    {"temperature": 5},
    {"temperature": "hot"},
    {"max_tokens": -1},
    {"messages": "hello"},
    {"messages": []},
    {"n": 0},
    {"top_p": 1.5},
    {"stop": [1]},
    {"max_tokens": 5, "max_completion_tokens": 5},
]
NOT_FOUND = "model not found, inaccessible, and/or not deployed"


def _error(answer: Answer, status: int) -> dict[str, Any]:  # Any: a JSON object
    expect(answer.status == status, f"HTTP {answer.status}, not {status}.")
    body = answer.json
    has(body, "error")
    error: dict[str, Any] = body["error"]
    has(error, "message", "type")
    return error


def _no_key(server: Server) -> None:
    for header in ("", "Bearer wrong", "Bearer fw_0000"):
        answer = server.send(
            "POST", "/chat/completions", server.chat(), headers={"authorization": header}
        )
        _error(answer, 401)


def _unknown_model(server: Server) -> None:
    answer = server.send("POST", "/chat/completions", server.chat(model="no-such-model"))
    message = _error(answer, 404)["message"]
    expect(NOT_FOUND in message.lower(), f"The sentence that SDKs look for is missing: {message}")


def _bad_fields(server: Server) -> None:
    for fields in BAD_FIELDS:
        answer = server.send("POST", "/chat/completions", server.chat(**fields))
        expect(answer.status in {400, 422}, f"{fields} gives {answer.status}.")
        has(answer.json, "error")


def _not_json(server: Server) -> None:
    answer = server.send("POST", "/chat/completions", [1, 2])
    expect(answer.status in {400, 422}, f"A list as body gives {answer.status}.")


def _unknown_path(server: Server) -> None:
    _error(server.send("POST", "/no/such/path", {}), 404)


CHECKS = [
    Check("errors", "no key or a wrong one is a 401", _no_key),
    Check("errors", "an unknown model is a 404 in the words that SDKs look for", _unknown_model),
    Check("errors", "values out of bounds are a 400", _bad_fields),
    Check("errors", "a body that is no object is a 400", _not_json),
    Check("errors", "an unknown path is a 404 in the same envelope", _unknown_path),
]
