"""What each kind of server is asked for, and what is refused because it would be dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hearth.engines.protocol import Message
from tests.engines.remote.driven import Driven, driven
from tests.engines.remote.recorded import (
    OPENAI_CHAT,
    OPENAI_COMPLETION,
    VLLM_CHAT,
    Out,
    Received,
    Recorded,
    play,
    refuse,
)
from tests.engines.worker_process import ask

GPT = "gpt-4o-mini"

LONG = {
    "message": "This model's maximum context length is 4096 tokens. However, you requested 5100 "
    "tokens (100 in the messages, 5000 in the completion).",
    "type": "BadRequestError",
    "param": None,
    "code": 400,
}


async def test_a_vllm_request_carries_every_field_under_its_own_name(vllm: Recorded) -> None:
    sampling = {
        "temperature": 0.5, "top_p": 0.9, "top_k": 0, "min_p": 0.1, "frequency_penalty": 0.25,
        "presence_penalty": -0.5, "repetition_penalty": 1.5, "logit_bias": {42: -3.0},
    }  # fmt: skip
    request = ask(
        messages=[Message("system", "Be brief."), Message("user", "Hi", name="ann")],
        sampling=sampling, n=3, max_tokens=17, stop=["\n", "END"], ignore_eos=True, seed=99,
    )  # fmt: skip
    async with driven(vllm.url) as engine:
        await engine.run(request)

    assert vllm.asked[0].body == {
        "model": "Qwen/Qwen3-8B",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi", "name": "ann"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "n": 3, "max_tokens": 17, "stop": ["\n", "END"], "ignore_eos": True, "seed": 99,
        **sampling, "logit_bias": {"42": -3.0},
    }  # fmt: skip


async def test_what_the_caller_left_out_is_left_to_the_server(openai: Recorded) -> None:
    async with driven(openai.url, GPT) as engine:
        await engine.run(ask("Hi"))

    assert openai.asked[-1].body == {
        "model": GPT,
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "seed": 7,
    }


async def test_sglang_is_told_in_its_own_words(sglang: Recorded) -> None:
    sglang.generating = play(OPENAI_COMPLETION)
    async with driven(sglang.url) as engine:
        await engine.run(ask(prompt=[1, 2, 3], sampling={"top_k": 0}))

    body = sglang.asked[0].body
    assert body["prompt"] == [1, 2, 3]
    assert body["top_k"] == -1
    assert body["max_tokens"] is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"sampling": {"top_k": 5}}, "top_k"),
        ({"sampling": {"min_p": 0.1}}, "min_p"),
        ({"sampling": {"repetition_penalty": 1.1}}, "repetition_penalty"),
        ({"ignore_eos": True}, "ignore_eos"),
        ({"prompt": [1, 2], "max_tokens": 5}, "prompt"),
        ({"prompt": "Hi"}, "max_tokens"),
        ({"prompt_truncate_tokens": 100}, "prompt_truncate_len"),
        ({"n": 0}, "n"),
    ],
)
async def test_what_a_plain_openai_server_would_drop_is_refused(
    openai: Recorded, fields: dict[str, Any], param: str
) -> None:
    async with driven(openai.url, GPT) as engine:
        asked = len(openai.asked)
        reply = await engine.run(ask(**fields))

    assert reply.failure is not None
    assert (reply.failure.kind, reply.failure.param) == ("invalid", param)
    assert len(openai.asked) == asked


@pytest.mark.parametrize("field", ["typical_p", "mirostat_target", "mirostat_lr"])
async def test_what_vllm_does_not_know_is_refused(vllm: Recorded, field: str) -> None:
    async with driven(vllm.url) as engine:
        reply = await engine.run(ask(sampling={field: 0.5}))

    assert reply.failure is not None
    assert reply.failure.param == field
    assert vllm.asked == []


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, LONG, "invalid", "maximum context length is 4096 tokens"),
        (422, {"detail": [{"loc": ["body", "n"]}]}, "invalid", '"loc"'),
        (404, {"error": {"message": "Not a chat model"}}, "invalid", "Not a chat model"),
        (413, b"<html>nginx</html>", "invalid", "413"),
        (401, {"error": {"message": "Incorrect API key: sk-1234"}}, "failed", "key (401)"),
        (402, {"error": {"message": "Insufficient balance"}}, "failed", "(402)"),
        (500, {"error": {"message": "EngineCore died"}}, "failed", "EngineCore died"),
        (502, b"<html>bad gateway</html>", "failed", "(502)"),
        (503, {"error": "loading"}, "unavailable", "loading"),
        (307, b"", "failed", "(307)"),
    ],
)
async def test_a_refusal_keeps_its_meaning(
    vllm: Recorded, status: int, body: object, kind: str, said: str
) -> None:
    vllm.generating = refuse(status, body)
    async with driven(vllm.url) as engine:
        reply = await engine.run(ask())

    assert reply.failure is not None
    assert reply.failure.kind == kind
    assert said in reply.failure.message
    assert "sk-1234" not in reply.failure.message


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: {"error": error}])
async def test_a_refusal_names_the_field_at_fault(
    vllm: Recorded, wrap: Callable[[object], object]
) -> None:
    vllm.generating = refuse(400, wrap(LONG | {"param": "messages"}))
    async with driven(vllm.url) as engine:
        reply = await engine.run(ask())

    assert reply.failure is not None
    assert reply.failure.param == "messages"


async def test_a_full_server_says_when_to_try_again(vllm: Recorded) -> None:
    vllm.generating = refuse(
        429, {"error": {"message": "Rate limit reached"}}, retry_after="7", x_other="1"
    )
    async with driven(vllm.url) as engine:
        reply = await engine.run(ask())

    assert reply.failure is not None
    assert reply.failure.kind == "unavailable"
    assert reply.failure.retry_after_s == 7


async def test_max_tokens_that_do_not_fit_are_lowered_to_what_does(vllm: Recorded) -> None:
    vllm.num_tokens = 100

    async with _choosy(vllm) as engine:
        reply = await engine.run(ask(max_tokens=5000))

    assert reply.text() == "Snow fällt."
    assert [each.body["max_tokens"] for each in vllm.asked] == [5000, 3996]


async def test_max_tokens_are_not_lowered_for_who_wants_an_error(vllm: Recorded) -> None:
    vllm.num_tokens = 100

    async with _choosy(vllm) as engine:
        reply = await engine.run(ask(max_tokens=5000, context_overflow="error"))

    assert reply.failure is not None
    assert "maximum context length" in reply.failure.message
    assert len(vllm.asked) == 1


async def test_a_refusal_for_another_reason_is_not_asked_again(vllm: Recorded) -> None:
    vllm.num_tokens = 100
    vllm.generating = refuse(400, {"error": {"message": "No such role"}})
    async with driven(vllm.url) as engine:
        reply = await engine.run(ask(max_tokens=20))

    assert reply.failure is not None
    assert len(vllm.asked) == 1


def _choosy(vllm: Recorded) -> Any:  # Any: the context manager of `driven`
    async def answer(received: Received, out: Out) -> None:
        fits = received.body["max_tokens"] + 100 <= 4096
        await (play(VLLM_CHAT) if fits else refuse(400, LONG))(received, out)

    vllm.generating = answer
    return driven(vllm.url)


@pytest.mark.parametrize(("prompt", "max_tokens"), [([5] * 96, 4000), ("Once", 3996)])
async def test_a_text_without_limit_goes_to_the_end_of_the_window(
    vllm: Recorded, prompt: object, max_tokens: int
) -> None:
    vllm.num_tokens = 100
    vllm.generating = play(OPENAI_COMPLETION)
    async with driven(vllm.url) as engine:
        await engine.run(ask(prompt=prompt))

    assert vllm.asked[0].body["max_tokens"] == max_tokens


async def test_a_text_without_limit_is_refused_where_its_tokens_cannot_be_counted(
    vllm: Recorded,
) -> None:
    async with driven(vllm.url) as engine:
        reply = await engine.run(ask(prompt="Once"))

    assert reply.failure is not None
    assert reply.failure.param == "max_tokens"
    assert vllm.asked == []


async def test_the_key_is_sent_and_never_shown(
    openai: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", "sk-secret-1234")
    echoing = refuse(400, {"error": {"message": "You sent sk-secret-1234, which is odd"}})
    async with driven(openai.url, GPT, api_key_env="UPSTREAM_KEY") as engine:
        openai.generating = echoing
        reply = await engine.run(ask())
        hello = engine.engine.hello()

    assert openai.asked[-1].headers["authorization"] == "Bearer sk-secret-1234"
    assert reply.failure is not None
    assert "secret" not in reply.failure.message
    assert "[REDACTED]" in reply.failure.message
    assert "secret" not in repr(hello)


async def test_requests_run_side_by_side(openai: Recorded) -> None:
    async with driven(openai.url, GPT) as engine:
        openai.generating = play(OPENAI_CHAT)
        replies = await _together(engine, 20)

    assert {reply.text() for reply in replies} == {"Warm and dry."}


async def _together(engine: Driven, count: int) -> list[Any]:  # Any: replies
    ids = [engine.add(ask(str(n))) for n in range(count)]
    return [await engine.over(each) for each in ids]
