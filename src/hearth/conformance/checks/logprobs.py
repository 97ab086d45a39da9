"""Log-probabilities, in both shapes."""

from __future__ import annotations

from hearth.conformance.server import Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect, has


def _chat(server: Server) -> None:
    body = server.chat(logprobs=True, top_logprobs=2, max_tokens=4, ignore_eos=True, temperature=0)
    choice = server.ask("/chat/completions", body)["choices"][0]
    content = choice["logprobs"]["content"]
    expect(len(content) == 4, f"{len(content)} entries for 4 tokens.")
    for entry in content:
        has(entry, "token", "logprob", "bytes", "top_logprobs")
        expect(entry["logprob"] <= 0, f"A log-probability is above 0: {entry}.")
        expect(len(entry["top_logprobs"]) == 2, f"Not 2 alternatives: {entry}.")
    data = bytes(byte for entry in content for byte in entry["bytes"] or [])
    expect(data.decode(errors="replace") == choice["message"]["content"], "The bytes differ.")


def _legacy(server: Server) -> None:
    body = {
        "model": server.subjects.chat,
        "prompt": "One, two,",
        "max_tokens": 4,
        "logprobs": 2,
        "temperature": 0,
    }
    logprobs = server.ask("/completions", body | {"ignore_eos": True})["choices"][0]["logprobs"]
    has(logprobs, "tokens", "token_logprobs", "top_logprobs", "text_offset")
    lengths = {len(logprobs[name]) for name in ("tokens", "token_logprobs", "text_offset")}
    expect(lengths == {4}, f"The arrays have lengths {lengths}.")


def _streamed(server: Server) -> None:
    body = server.chat(logprobs=True, max_tokens=4, ignore_eos=True, temperature=0)
    chunks = server.stream("/chat/completions", body).chunks()
    entries = [
        entry
        for chunk in chunks
        for entry in (chunk["choices"][0].get("logprobs") or {}).get("content") or []
    ]
    expect(len(entries) == 4, f"{len(entries)} entries for 4 tokens.")


CHECKS = [
    Check("logprobs", "logprobs true with alternatives, bytes and tokens", _chat),
    Check("logprobs", "the legacy arrays of completions", _legacy),
    Check("logprobs", "streamed", _streamed),
]
