"""POST /chat/completions, whole answers."""

from __future__ import annotations

from typing import Any

from hearth.conformance.server import Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect, has


def check_usage(usage: Any) -> None:  # Any: JSON
    """Find a fault unless the counts are there and add up."""
    has(usage, "prompt_tokens", "completion_tokens", "total_tokens")
    total = usage["prompt_tokens"] + usage["completion_tokens"]
    expect(usage["total_tokens"] == total, f"total_tokens is not the sum: {usage}.")


def _answers(server: Server) -> None:
    body = server.ask("/chat/completions", server.chat())
    has(body, "id", "object", "created", "model", "choices", "usage")
    expect(body["object"] == "chat.completion", f"object is {body['object']!r}.")
    choice = body["choices"][0]
    has(choice, "index", "message", "finish_reason")
    expect(choice["message"]["role"] == "assistant", "The role is not assistant.")
    expect(isinstance(choice["message"]["content"], str), "content is no text.")
    check_usage(body["usage"])


def _length(server: Server) -> None:
    body = server.ask("/chat/completions", server.chat(max_tokens=3, ignore_eos=True))
    expect(body["choices"][0]["finish_reason"] == "length", "finish_reason is not length.")
    expect(body["usage"]["completion_tokens"] == 3, f"Not 3 tokens: {body['usage']}.")


def _several(server: Server) -> None:
    body = server.ask("/chat/completions", server.chat(n=3, max_tokens=4))
    indexes = sorted(choice["index"] for choice in body["choices"])
    expect(indexes == [0, 1, 2], f"The choices are numbered {indexes}.")


def _seed(server: Server) -> None:
    fields: dict[str, Any] = {"seed": 11, "temperature": 1.0, "max_tokens": 16}
    first, second = (server.ask("/chat/completions", server.chat(**fields)) for _ in range(2))
    texts = [body["choices"][0]["message"]["content"] for body in (first, second)]
    expect(texts[0] == texts[1], f"The same seed gave two texts: {texts}.")


def _stop(server: Server) -> None:
    fields: dict[str, Any] = {"seed": 3, "temperature": 0, "max_tokens": 48}
    text = server.ask("/chat/completions", server.chat(**fields))["choices"][0]["message"]
    word = text["content"][len(text["content"]) // 2 :][:3]
    expect(bool(word), "The model says nothing to stop at.")
    choice = server.ask("/chat/completions", server.chat(**fields, stop=[word]))["choices"][0]
    expect(word not in choice["message"]["content"], "The stop string is in the text.")
    expect(choice["finish_reason"] == "stop", f"finish_reason is {choice['finish_reason']!r}.")


def _history(server: Server) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "One."}]},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "Three?"},
    ]
    body = server.ask("/chat/completions", server.chat(messages=messages))
    has(body["choices"][0], "finish_reason")


def _headers(server: Server) -> None:
    answer = server.accepted(server.send("POST", "/chat/completions", server.chat()))
    for name in ("fireworks-prompt-tokens", "fireworks-server-time-to-first-token"):
        expect(name in answer.headers, f"The header {name} is missing.")


def _extra_body(server: Server) -> None:
    body = server.ask("/chat/completions", server.chat(extra_body={"top_k": 20}))
    has(body["choices"][0], "finish_reason")


def _perf_metrics(server: Server) -> None:
    body = server.ask("/chat/completions", server.chat(perf_metrics_in_response=True))
    has(body.get("perf_metrics"), "prompt-tokens", "server-time-to-first-token")


CHECKS = [
    Check("chat", "an answer has id, choices, role, finish reason and usage", _answers),
    Check("chat", "max_tokens ends with length and is counted", _length),
    Check("chat", "n choices are numbered", _several),
    Check("chat", "the same seed gives the same text", _seed),
    Check("chat", "a stop string ends the text and is not part of it", _stop),
    Check("chat", "a conversation with system turn and content parts", _history),
    Check("chat", "token counts and times are in headers", _headers),
    Check("chat", "a literal extra_body is merged", _extra_body),
    Check("chat", "perf_metrics_in_response", _perf_metrics),
]
