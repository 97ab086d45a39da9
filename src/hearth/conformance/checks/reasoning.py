"""Thinking before the answer."""

from __future__ import annotations

from hearth.conformance.server import Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect


def _effort(server: Server) -> None:
    body = server.chat("Is 7 prime?", reasoning_effort="low", max_tokens=400)
    message = server.ask("/chat/completions", body)["choices"][0]["message"]
    expect(bool(message.get("reasoning_content")), "No reasoning_content came.")
    expect("<think>" not in (message["content"] or ""), "The content holds the thinking.")


def _streamed(server: Server) -> None:
    body = server.chat("Is 7 prime?", reasoning_effort="low", max_tokens=400)
    chunks = server.stream("/chat/completions", body).chunks()
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    thoughts = [i for i, delta in enumerate(deltas) if delta.get("reasoning_content")]
    texts = [i for i, delta in enumerate(deltas) if delta.get("content")]
    expect(bool(thoughts), "No reasoning_content came.")
    expect(not texts or thoughts[-1] < texts[0], "Thinking comes after the answer began.")


def _none(server: Server) -> None:
    body = server.chat("Is 7 prime?", reasoning_effort="none", max_tokens=48)
    message = server.ask("/chat/completions", body)["choices"][0]["message"]
    expect(not message.get("reasoning_content"), "It thinks although it must not.")


def _both(server: Server) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    body = server.chat(reasoning_effort="low", thinking=thinking)
    status = server.send("POST", "/chat/completions", body).status
    expect(status in {400, 422}, f"reasoning_effort with thinking gives {status}.")


CHECKS = [
    Check("reasoning", "reasoning_effort gives reasoning_content beside the content", _effort),
    Check("reasoning", "streamed, the thinking comes first", _streamed),
    Check("reasoning", "none switches it off", _none),
    Check("reasoning", "reasoning_effort together with thinking is a 400", _both),
]
