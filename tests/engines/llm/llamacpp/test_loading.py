"""From a model file to an engine: what it takes from the file, and what can be wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hearth.engines.llm import llamacpp
from hearth.engines.protocol import GenerateRequest, Message
from hearth.errors import SetupError
from tests.engines.conftest import llama_spec
from tests.engines.driving import answer
from tests.engines.llm.llamacpp.loading import loaded, story
from tests.engines.models import write_tiny_model


async def test_a_model_without_a_template_takes_prompts_but_no_chats(tmp_path: Path) -> None:
    async with loaded(write_tiny_model(tmp_path / "bare.gguf", template=None)) as engine:
        chat = await answer(engine, GenerateRequest(messages=[Message("user", "x")], seed=1))

        assert chat.failure is not None
        assert chat.failure.param == "messages"
        assert "no chat template" in chat.failure.message
        assert not engine.hello().capabilities.chat
        assert (await answer(engine, story())).failure is None


async def test_a_template_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "odd.gguf", template="{% import 'os' as os %}")
    async with loaded(path) as engine:
        chat = await answer(engine, GenerateRequest(messages=[Message("user", "x")], seed=1))

    assert chat.failure is not None
    assert "cannot load others" in chat.failure.message


async def test_the_window_is_no_larger_than_the_model_was_trained_on(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "short.gguf", context=100)
    async with loaded(path, context_tokens=4096) as engine:
        got = await answer(engine, story(max_tokens=None, ignore_eos=True))

    assert engine.hello().context_tokens == 100
    assert got.usage.prompt_tokens + got.usage.completion_tokens == 100


async def test_the_fingerprint_tells_weights_and_settings_apart(
    tmp_path: Path, tiny_model: Path
) -> None:
    other = write_tiny_model(tmp_path / "other.gguf", seed=2)
    prints = []
    for path, changes in [
        (tiny_model, {}),
        (tiny_model, {}),
        (other, {}),
        (tiny_model, {"options": {"kv_type": "f32"}}),
    ]:
        async with loaded(path, **changes) as engine:
            prints.append(engine.hello().fingerprint)

    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def damaged(tmp_path: Path, change: Callable[[bytes], bytes]) -> Path:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(change(write_tiny_model(tmp_path / "whole.gguf").read_bytes()))
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:100],
        lambda data: data[: len(data) // 2],
        lambda data: data[:-100],
        lambda data: b"\0" * len(data),
        lambda data: data.replace(b"blk.1.ffn_up", b"blk.1.ffn_xx"),
        lambda data: data.replace(b"llama", b"lamma"),
        lambda data: data.replace(b"tokenizer.ggml.tokens", b"tokenizer.ggml.tokanz"),
    ],
)
def test_a_damaged_model_file_is_one_clear_line(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    path = damaged(tmp_path, change)

    with pytest.raises(SetupError) as refused:
        llamacpp.build(llama_spec(path))

    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"gone\.gguf cannot be read"):
        llamacpp.build(llama_spec(tmp_path / "gone.gguf"))


def test_a_missing_system_library_is_named_with_its_remedy(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "xllamacpp.py"
    module.write_text("raise ImportError('libgomp.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)

    with pytest.raises(SetupError, match="apt-get install libgomp1"):
        llamacpp.build(llama_spec(tiny_model))


@pytest.mark.parametrize(
    "options", [{"kv_tipe": "f16"}, {"kv_type": "f17"}, {"batch_tokens": 0}, {"repack": "yes"}]
)
def test_an_option_that_is_wrong_is_named(tiny_model: Path, options: dict[str, str | int]) -> None:
    with pytest.raises(SetupError) as refused:
        llamacpp.build(llama_spec(tiny_model, options=options))

    assert next(iter(options)) in str(refused.value)
