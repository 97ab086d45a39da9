"""Server-sent events of chat and completions."""

from __future__ import annotations

from hearth.conformance.checks.chat import check_usage
from hearth.conformance.server import Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect, has


def _frames(server: Server) -> None:
    chunks = server.stream("/chat/completions", server.chat()).chunks()
    for chunk in chunks:
        has(chunk, "id", "object", "created", "model", "choices")
        expect(chunk["object"] == "chat.completion.chunk", f"object is {chunk['object']!r}.")
    expect(len({chunk["id"] for chunk in chunks}) == 1, "The chunks have different ids.")
    first = chunks[0]["choices"][0]["delta"]
    expect(first.get("role") == "assistant", f"The first delta has no role: {first}.")


def _usage(server: Server) -> None:
    chunks = server.stream("/chat/completions", server.chat()).chunks()
    last = chunks[-1]
    expect(last["choices"][0]["finish_reason"] is not None, "The last chunk finishes nothing.")
    check_usage(last["usage"])
    expect(all(not c.get("usage") for c in chunks[:-1]), "Usage comes before the last chunk.")


def _no_usage(server: Server) -> None:
    body = server.chat(stream_options={"include_usage": False})
    chunks = server.stream("/chat/completions", body).chunks()
    expect(not any(chunk.get("usage") for chunk in chunks), "Usage comes although switched off.")


def _same_text(server: Server) -> None:
    body = server.chat(seed=5, temperature=0, max_tokens=32)
    whole = server.ask("/chat/completions", body)["choices"][0]["message"]["content"]
    chunks = server.stream("/chat/completions", body).chunks()
    pieces = [c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]]
    expect("".join(pieces) == whole, f"{''.join(pieces)!r} is not {whole!r}.")


def _several(server: Server) -> None:
    chunks = server.stream("/chat/completions", server.chat(n=2, max_tokens=4)).chunks()
    ends = [
        choice["index"]
        for chunk in chunks
        for choice in chunk["choices"]
        if choice["finish_reason"] is not None
    ]
    expect(sorted(ends) == [0, 1], f"These choices finish: {ends}.")


CHECKS = [
    Check("streams", "chunks share an id, the first names the role, [DONE] ends", _frames),
    Check("streams", "usage is on the chunk that finishes, without being asked for", _usage),
    Check("streams", "include_usage: false switches it off", _no_usage),
    Check("streams", "the deltas add up to the answer that is not streamed", _same_text),
    Check("streams", "every one of n choices finishes once", _several),
]
