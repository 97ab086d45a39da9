"""Finding out what stands behind a URL: at the start, and while it goes and comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hearth.engines.remote import build
from hearth.engines.remote.options import canonical_url, read_options
from hearth.errors import SetupError
from tests.engines.remote.driven import Driven, driven, remote_spec
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
from tests.engines.worker_process import LIMIT_S, ask

GPT = "gpt-4o-mini"
HEARTH_MODEL = {
    "id": "accounts/fireworks/models/llama-v3p1-8b-instruct", "object": "model",
    "owned_by": "fireworks", "created": 1721692800, "kind": "HF_BASE_MODEL",
    "supports_chat": True, "context_length": 131072, "callable": True,
    "served_by": "accounts/fireworks/models/smollm2-135m-instruct",
}  # fmt: skip


@pytest.mark.parametrize(
    ("pasted", "url", "root"),
    [
        ("http://gpu:8000", "http://gpu:8000/v1", "http://gpu:8000"),
        ("http://gpu:8000/", "http://gpu:8000/v1", "http://gpu:8000"),
        (" https://api.openai.com/v1/ ", "https://api.openai.com/v1", "https://api.openai.com"),
        ("http://h/inference/v1", "http://h/inference/v1", "http://h"),
        ("http://h:1/v1/chat/completions", "http://h:1/v1", "http://h:1"),
        ("http://h:1/v1/models", "http://h:1/v1", "http://h:1"),
        ("http://h/vllm", "http://h/vllm/v1", "http://h/vllm"),
        ("https://g/v1beta/openai", "https://g/v1beta/openai", "https://g/v1beta/openai"),
        ("http://[::1]:80/v1", "http://[::1]:80/v1", "http://[::1]:80"),
    ],
)
def test_any_base_url_a_person_pastes_works(pasted: str, url: str, root: str) -> None:
    options = read_options({"url": pasted, "model": "m"}, {})

    assert (options.url, options.root) == (url, root)
    assert canonical_url(options.url) == options.url


@pytest.mark.parametrize(
    "options",
    [
        {"url": "gpu:8000", "model": "m"},
        {"url": "ftp://gpu/v1", "model": "m"},
        {"url": "http://", "model": "m"},
        {"url": "http://gpu:port/v1", "model": "m"},
        {"url": "http://me:secret@gpu/v1", "model": "m"},
        {"url": "http://gpu/v1?key=secret", "model": "m"},
        {"url": "http://gpu/v1", "model": ""},
        {"url": "http://gpu/v1"},
        {"url": "http://gpu/v1", "model": "m", "colour": "red"},
        {"url": "http://gpu/v1", "model": "m", "timeout_s": 0},
        {"url": "http://gpu/v1", "model": "m", "api_key_env": "NOT_SET"},
        {"url": "http://gpu/v1", "model": "m", "api_key_env": "SPLIT"},
    ],
)
def test_options_that_do_not_fit_are_refused_without_their_secrets(options: dict[str, Any]) -> None:
    with pytest.raises(SetupError) as refused:
        read_options(options, {"SPLIT": "secret key\n2"})

    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_vllm_is_recognised_with_its_version_and_window(vllm: Recorded) -> None:
    async with driven(vllm.url) as engine:
        hello = engine.engine.hello()

    assert hello.engine == "remote"
    assert hello.engine_version == "vllm 0.33.0"
    assert hello.context_tokens == 4096
    assert hello.model == "accounts/test/models/attached"
    assert {"top_k", "min_p", "repetition_penalty"} <= hello.capabilities.sampling


async def test_another_hearth_is_recognised_and_its_short_names_are_understood(
    openai: Recorded,
) -> None:
    openai.models = {"data": [HEARTH_MODEL]}
    async with driven(openai.url, "llama-v3p1-8b-instruct") as engine:
        hello = engine.engine.hello()

    assert hello.engine_version == "hearth"
    assert hello.context_tokens == 131072
    assert "mirostat_target" in hello.capabilities.sampling


async def test_a_stranger_is_tried_with_one_token(openai: Recorded) -> None:
    async with driven(openai.url, GPT) as engine:
        hello = engine.engine.hello()

    assert hello.engine_version == "openai"
    assert hello.context_tokens == 0
    assert [each.body["max_tokens"] for each in openai.asked] == [1]


async def test_a_server_without_a_list_is_believed_and_tried(openai: Recorded) -> None:
    openai.models = None
    async with driven(openai.url, "any-model") as engine:
        assert (await engine.run(ask())).usage is not None


async def test_a_model_without_chat_is_tried_on_completions(openai: Recorded) -> None:
    async def only_texts(received: Received, out: Out) -> None:
        is_chat = received.path.endswith("/chat/completions")
        refusal = refuse(404, {"error": {"message": "This is not a chat model"}})
        await (refusal if is_chat else play(OPENAI_COMPLETION))(received, out)

    openai.generating = only_texts
    async with driven(openai.url, GPT) as engine:
        assert (await engine.run(ask(prompt="Hi", max_tokens=1))).text() == " there"


async def test_the_fingerprint_changes_with_what_serves(vllm: Recorded) -> None:
    async with driven(vllm.url) as engine:
        before = engine.engine.hello().fingerprint
    async with driven(vllm.url) as engine:
        same = engine.engine.hello().fingerprint
    vllm.models["data"][0] |= {"root": "/models/other"}  # type: ignore[index]
    async with driven(vllm.url) as engine:
        after = engine.engine.hello().fingerprint

    assert before == same != after


async def _refusal(url: str, model: str, **options: str) -> str:
    with pytest.raises(SetupError) as refused:
        await asyncio.to_thread(build, remote_spec(url, model, **options))
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_a_model_that_is_not_there_is_an_error_naming_what_is(openai: Recorded) -> None:
    said = await _refusal(openai.url, "gpt-5")

    assert "no model gpt-5" in said
    assert "gpt-4o-mini, gpt-4.1-nano, text-embedding-3-small" in said


async def test_a_hearth_that_cannot_serve_the_model_is_an_error(openai: Recorded) -> None:
    openai.models = {"data": [HEARTH_MODEL | {"callable": False, "served_by": None}]}

    assert "cannot serve it now" in await _refusal(openai.url, "llama-v3p1-8b-instruct")


async def test_a_server_that_is_not_there_is_an_error(vllm: Recorded) -> None:
    vllm.stop()

    assert "does not answer" in await _refusal(vllm.url, "Qwen/Qwen3-8B")


async def test_a_server_that_is_not_well_is_an_error(vllm: Recorded) -> None:
    vllm.health = 503

    assert "503" in await _refusal(vllm.url, "Qwen/Qwen3-8B")


async def test_something_else_at_the_url_is_an_error(openai: Recorded) -> None:
    openai.models = ["welcome"]

    assert "OpenAI-style" in await _refusal(openai.url, GPT)


async def test_a_server_that_does_not_count_is_refused_at_the_start(openai: Recorded) -> None:
    openai.generating = play([*OPENAI_CHAT[:-2], "[DONE]"])

    assert "include_usage" in await _refusal(openai.url, GPT)


async def test_a_server_that_refuses_the_key_is_an_error(openai: Recorded) -> None:
    openai.generating = refuse(401, {"error": {"message": "Incorrect API key provided: sk-12"}})

    said = await _refusal(openai.url, GPT)
    assert "key" in said
    assert "sk-12" not in said


async def test_a_server_killed_in_an_answer_fails_it_then_refuses_then_works_again(
    vllm: Recorded,
) -> None:
    async def begin(_: Received, out: Out) -> None:
        out.begin()
        await out.event(VLLM_CHAT[1])
        await out.hung_up()

    vllm.generating = begin
    async with driven(vllm.url) as engine:
        request = engine.add(ask())
        reply = engine.reply(request)
        await engine.wait(lambda: bool(reply.deltas))

        vllm.stop()
        await engine.over(request)
        refused = await engine.run(ask())
        await vllm.start()
        vllm.generating = play(VLLM_CHAT)
        again = await _first_success(engine)

    assert reply.failure is not None
    assert reply.failure.kind == "failed"
    assert refused.failure is not None
    assert refused.failure.kind == "unavailable"
    assert again == "Snow fällt."


async def _first_success(engine: Driven) -> str:
    async with asyncio.timeout(LIMIT_S):
        while (reply := await engine.run(ask())).failure is not None:
            assert reply.failure.kind == "unavailable"
            await asyncio.sleep(0.01)
    return reply.text()


async def test_while_the_server_is_away_requests_fail_without_being_sent(vllm: Recorded) -> None:
    async with driven(vllm.url) as engine:
        vllm.stop()
        first = await engine.run(ask())
        async with asyncio.timeout(LIMIT_S):
            while "is away" not in await _why(engine):
                pass

    assert first.failure is not None
    assert first.failure.kind == "unavailable"


async def _why(engine: Driven) -> str:
    await asyncio.sleep(0)
    failure = (await engine.run(ask())).failure
    assert failure is not None
    return failure.message


async def test_another_server_at_the_same_place_ends_the_engine(vllm: Recorded) -> None:
    engine = await asyncio.to_thread(build, remote_spec(vllm.url))
    each = Driven(engine)
    stepping = asyncio.create_task(each.step_forever())
    vllm.stop()
    await each.run(ask())

    vllm.models = {"data": [{"id": "Qwen/Qwen3-8B", "owned_by": "sglang", "max_model_len": 99}]}
    await vllm.start()

    with pytest.raises(SetupError, match="is now sglang"):
        await asyncio.wait_for(stepping, LIMIT_S)
    await engine.close()
