"""A server that fails at a request: the request fails with the reason, the engine lives on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from hearth.engines.llm.constraints import compile_constraint
from hearth.engines.llm.llamacpp.runner import LlamaRunner
from hearth.engines.llm.text_engine import TextEngine
from hearth.engines.protocol import Capabilities, Constraint, GenerateRequest, Hello
from tests.engines.driving import Answer, answers
from tests.engines.llm.llamacpp.sequences import end_of, run
from tests.engines.llm.llamacpp.serving import END, HEAD, Handler, answering, event, serving

TOKEN = event(b'{"content":"a","stop":false,"tokens_predicted":1}')
LAST = event(b'{"content":"","stop":true,"stop_type":"limit","tokens_predicted":1}')
ENDED = event(b'{"content":"","stop":true,"stop_type":"eos","tokens_predicted":1}')
HELLO = Hello(
    replica_id="r",
    engine="llamacpp",
    engine_version="0",
    model="m",
    fingerprint="f",
    context_tokens=100,
    max_batch=1,
    capabilities=Capabilities(token_prompts=True),
)


@dataclass(frozen=True)
class Server:
    """Where the scripted server listens."""

    socket_path: str

    def close(self) -> None:
        """There is nothing to close."""


def refusal(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


async def ask(folder: Path, handler: Handler, prompt: str | list[int], n: int = 1) -> Answer:
    async with serving(folder, handler) as path:
        runner = LlamaRunner(Server(path), HELLO, pieces=[b"a"] * 100, bos="")
        engine = TextEngine(runner, template="no chats here")
        got = await answers(engine, {1: GenerateRequest(prompt=prompt, seed=1, n=n)})
        assert engine.stats().running == engine.stats().waiting == 0
        await engine.close()
    return got[1]


async def test_an_answer_that_is_whole_is_no_failure(tmp_path: Path) -> None:
    got = await ask(tmp_path, answering(HEAD, TOKEN, LAST, END), [1, 2])

    assert (got.text(), got.finish(), got.usage.completion_tokens) == ("a", "length", 1)


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ((), "connection ended"),
        ((HEAD, TOKEN), "connection ended"),
        ((HEAD, TOKEN, END), "stopped before its end"),
        ((HEAD, TOKEN, event(b'{"error":{"code":500,"message":"it broke"}}')), "it broke"),
        ((HEAD, TOKEN, event(b'{"stop":true,"stop_type":"none"}')), "'none'"),
        ((HEAD, TOKEN, event(b"{not json")), "malformed"),
        ((refusal(500, b'{"error":{"message":"no memory"}}'),), "no memory"),
        ((refusal(503, b"<html>"),), "status 503"),
    ],
)
async def test_the_request_fails_with_the_reason(
    tmp_path: Path, pieces: tuple[bytes, ...], reason: str
) -> None:
    got = await ask(tmp_path, answering(*pieces), [1, 2])

    assert got.failure is not None
    assert got.failure.kind == "failed"
    assert reason in got.failure.message


async def test_a_refusal_of_the_request_is_the_requests_fault(tmp_path: Path) -> None:
    handler = answering(refusal(400, b'{"error":{"message":"bad thing"}}'))

    got = await ask(tmp_path, handler, [1, 2])

    assert got.failure is not None
    assert got.failure.kind == "invalid"
    assert "bad thing" in got.failure.message


@pytest.mark.parametrize("pieces", [(), (refusal(500, b"{}"),), (refusal(200, b"[1]"),)])
async def test_a_text_that_cannot_be_tokenised_fails_the_request(
    tmp_path: Path, pieces: tuple[bytes, ...]
) -> None:
    got = await ask(tmp_path, answering(*pieces), "text")

    assert got.failure is not None
    assert got.failure.kind == "failed"


async def test_one_choice_that_breaks_ends_the_request_once(tmp_path: Path) -> None:
    got = await ask(tmp_path, answering(HEAD, TOKEN), [1, 2], n=3)

    assert got.failure is not None
    assert not any(delta.usage for delta in got.deltas)


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ((HEAD, TOKEN, LAST, END), "left the grammar"),
        ((HEAD, ENDED, END), "before its grammar does"),
    ],
)
async def test_a_text_that_the_server_did_not_constrain_fails(
    tmp_path: Path, pieces: tuple[bytes, ...], reason: str
) -> None:
    grammar = compile_constraint(Constraint("regex", "[0-9]+"))
    async with serving(tmp_path, answering(*pieces)) as path:
        runner = LlamaRunner(Server(path), HELLO, pieces=[b"a"] * 100, bos="")

        events = await run(runner, [1, 2], grammar=grammar)
        await runner.close()

    assert reason in str(end_of(events))
