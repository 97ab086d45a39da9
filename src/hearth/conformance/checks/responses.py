"""The Responses API."""

from __future__ import annotations

from typing import Any

from hearth.conformance.server import Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect, has


def _create(server: Server, **fields: Any) -> Any:  # Any: JSON
    body = {"model": server.subjects.chat, "input": "Say hello.", "max_output_tokens": 24}
    return server.ask("/responses", body | fields)


def _answers(server: Server) -> None:
    body = _create(server)
    has(body, "id", "object", "created_at", "status", "model", "output", "usage")
    expect(body["id"].startswith("resp_"), f"The id is {body['id']!r}.")
    part = body["output"][-1]["content"][0]
    expect(part["type"] == "output_text" and bool(part["text"]), f"No text: {part}.")


def _stored(server: Server) -> None:
    created = _create(server)
    found = server.accepted(server.send("GET", f"/responses/{created['id']}")).json
    expect(found["id"] == created["id"], "Another response came back.")
    _create(server, previous_response_id=created["id"], input="And again.")
    server.accepted(server.send("DELETE", f"/responses/{created['id']}"))
    gone = server.send("GET", f"/responses/{created['id']}").status
    expect(gone == 404, f"A deleted response gives {gone}.")


def _streamed(server: Server) -> None:
    body = {"model": server.subjects.chat, "input": "Say hello.", "max_output_tokens": 24}
    events = [
        event.json for event in server.stream("/responses", body).events if event.data != "[DONE]"
    ]
    numbers = [event["sequence_number"] for event in events]
    expect(numbers == list(range(len(numbers))), f"The sequence numbers are {numbers}.")
    kinds = [event["type"] for event in events]
    expect(kinds[:2] == ["response.created", "response.in_progress"], f"It begins {kinds[:2]}.")
    expect(kinds[-1] in {"response.completed", "response.incomplete"}, f"It ends {kinds[-1]}.")
    expect("response.output_text.delta" in kinds, "No text came.")


CHECKS = [
    Check("responses", "a response has id, status, output and usage", _answers),
    Check("responses", "it is stored, continued from and deleted", _stored),
    Check("responses", "a stream counts its events and ends completed", _streamed),
]
