"""From a path to a whole model, in both formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hearth.engines.llm.native.weights import open_checkpoint
from hearth.engines.llm.sampling import API_DEFAULTS
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.protocol import Message
from hearth.errors import SetupError
from tests.engines.llm.native.tiny import tiny
from tests.engines.llm.native.weights.tokenizer_folders import byte_level
from tests.engines.models import smollm2_path, write_tiny_model

TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}{{ eos_token }}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model and its tokeniser as transformers saves them."""
    path = byte_level(tmp_path / "model", chat_template=TEMPLATE)
    tiny("llama", vocab_size=340).model.save_pretrained(path)
    return path


def rendered(template: ChatTemplate | str) -> str:
    assert isinstance(template, ChatTemplate)
    return template.render([Message(role="user", content="hi")])


@pytest.mark.parametrize("name", ["", "model.safetensors", "config.json"])
def test_a_folder_is_opened_by_any_of_its_files(folder: Path, name: str) -> None:
    checkpoint = open_checkpoint(folder / name)

    assert checkpoint.architecture.family == "llama"
    assert checkpoint.weights.tensor("norm").shape == (64,)
    assert checkpoint.tokenizer.vocabulary_size == 340
    assert rendered(checkpoint.template) == "<|start|>hi<|end|>"
    assert not checkpoint.is_permuted


def test_a_gguf_file_is_opened() -> None:
    checkpoint = open_checkpoint(smollm2_path())

    assert checkpoint.is_permuted
    assert checkpoint.defaults == API_DEFAULTS
    assert checkpoint.tokenizer.vocabulary_size == checkpoint.architecture.vocabulary_size
    assert rendered(checkpoint.template).endswith("<|im_start|>assistant\n")


def test_a_template_stands_alone_or_in_a_list(folder: Path) -> None:
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["chat_template"] = [{"name": "tools", "template": "no"}]
    settings["chat_template"].append({"name": "default", "template": "listed"})
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))

    assert rendered(open_checkpoint(folder).template) == "listed"
    (folder / "chat_template.jinja").write_text("alone")
    assert rendered(open_checkpoint(folder).template) == "alone"


def test_a_missing_or_broken_template_is_told(folder: Path, tmp_path: Path) -> None:
    plain = write_tiny_model(tmp_path / "plain.gguf", template=None)

    assert "has no chat template" in str(open_checkpoint(plain).template)
    (folder / "chat_template.jinja").write_text("{% for %}")
    assert "cannot be used" in str(open_checkpoint(folder).template)


def test_defaults_come_from_the_generation_config(folder: Path, tmp_path: Path) -> None:
    told = {"temperature": 0.6, "top_p": 0.9, "top_k": 20, "min_p": 7, "eos_token_id": 2}
    (folder / "generation_config.json").write_text(json.dumps(told))
    checkpoint = open_checkpoint(folder)

    defaults = checkpoint.defaults
    assert (defaults.temperature, defaults.top_p, defaults.top_k) == (0.6, 0.9, 20)
    assert defaults.min_p == API_DEFAULTS.min_p  # seven makes no sense
    assert checkpoint.tokenizer.eos_ids == {0, 2}
    warm = write_tiny_model(tmp_path / "warm.gguf", temperature=0.25)
    assert open_checkpoint(warm).defaults.temperature == 0.25


def test_the_fingerprint_changes_with_files_and_settings(folder: Path) -> None:
    first = open_checkpoint(folder).fingerprint(("a", 1))

    assert first == open_checkpoint(folder).fingerprint(("a", 1))
    assert first.startswith("fp_")
    assert first != open_checkpoint(folder).fingerprint(("a", 2))
    (folder / "tokenizer_config.json").write_text('{"bos_token": "<|start|>"}')
    assert first != open_checkpoint(folder).fingerprint(("a", 1))


def test_opening_reads_no_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-100:] = b"\xff" * 100  # not a number
    path.write_bytes(content)

    assert open_checkpoint(folder).architecture.num_layers == 2


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="nothing is not here"):
        open_checkpoint(tmp_path / "nothing")
    with pytest.raises(SetupError, match=r"config\.json is not here"):
        open_checkpoint(tmp_path)
    with pytest.raises(SetupError, match=r"gone\.gguf cannot be read"):
        open_checkpoint(tmp_path / "gone.gguf")
