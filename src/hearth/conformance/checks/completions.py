"""POST /completions."""

from __future__ import annotations

from typing import Any

from hearth.conformance.checks.chat import check_usage
from hearth.conformance.server import Body, Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect, has


def _body(server: Server, **fields: Any) -> Body:
    return {"model": server.subjects.chat, "prompt": "One, two,", "max_tokens": 8} | fields


def _answers(server: Server) -> None:
    body = server.ask("/completions", _body(server))
    has(body, "id", "object", "created", "model", "choices", "usage")
    expect(body["object"] == "text_completion", f"object is {body['object']!r}.")
    has(body["choices"][0], "index", "text", "finish_reason")
    check_usage(body["usage"])


def _several_prompts(server: Server) -> None:
    body = server.ask("/completions", _body(server, prompt=["One,", "Two,"], n=2))
    indexes = sorted(choice["index"] for choice in body["choices"])
    expect(indexes == [0, 1, 2, 3], f"The choices are numbered {indexes}.")


def _token_ids(server: Server) -> None:
    body = server.ask("/completions", _body(server, prompt=[10, 11, 12]))
    has(body["choices"][0], "text", "finish_reason")


def _streams(server: Server) -> None:
    chunks = server.stream("/completions", _body(server)).chunks()
    text = "".join(choice["text"] for chunk in chunks for choice in chunk["choices"])
    expect(bool(text), "No text came.")
    check_usage(chunks[-1]["usage"])


def _echo(server: Server) -> None:
    body = server.ask("/completions", _body(server, echo=True))
    expect(body["choices"][0]["text"].startswith("One, two,"), "The prompt is not echoed.")


def _scores_prompt(server: Server) -> None:
    body = server.ask("/completions", _body(server, echo=True, max_tokens=0, logprobs=1))
    scores = body["choices"][0]["logprobs"]["token_logprobs"]
    expect(scores[0] is None and all(s <= 0 for s in scores[1:]), f"The scores are {scores}.")


CHECKS = [
    Check("completions", "an answer has id, text, finish reason and usage", _answers),
    Check("completions", "several prompts with n number their choices through", _several_prompts),
    Check("completions", "a prompt of token ids", _token_ids),
    Check("completions", "streams", _streams),
    Check("completions", "echo", _echo),
    Check("completions", "max_tokens 0 scores a prompt", _scores_prompt),
]
