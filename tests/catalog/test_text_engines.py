"""Which engine runs which weights of text."""

from __future__ import annotations

from typing import Literal

import pytest
from msgspec.structs import replace

from hearth.catalog import Inspection, ModelType, TextEngines
from hearth.catalog.text_engines import able

LLAMA = Inspection(
    format="gguf", architecture="llama", type=ModelType.CHAT, parameters=1, quantisation="Q4_K",
    tokenizer="gpt2",
)  # fmt: skip
FOLDER = replace(LLAMA, format="safetensors", architecture="Qwen3ForCausalLM", quantisation="BF16")
BOTH = TextEngines(has_native=True)


@pytest.mark.parametrize(
    ("found", "engine"),
    [
        (LLAMA, "native"),
        (replace(LLAMA, architecture="qwen3", quantisation="Q8_0"), "native"),
        (replace(LLAMA, architecture="phi3"), "llamacpp"),
        (replace(LLAMA, active_parameters=1), "llamacpp"),
        (replace(LLAMA, quantisation="IQ2_XS"), "llamacpp"),
        (replace(LLAMA, tokenizer="rwkv"), "llamacpp"),
        (FOLDER, "native"),
        (replace(FOLDER, architecture="MambaForCausalLM"), None),
        (replace(FOLDER, quantisation="I32"), None),
        (replace(FOLDER, type=ModelType.EMBEDDING), None),
        (replace(LLAMA, type=ModelType.ADAPTER), None),
    ],
)
def test_native_takes_what_it_can_and_llamacpp_the_rest_of_gguf(
    found: Inspection, engine: str | None
) -> None:
    assert BOTH.choose(found) == engine


@pytest.mark.parametrize("prefers", ["llamacpp", "native"])
def test_a_preference_counts_where_there_is_a_choice(
    prefers: Literal["llamacpp", "native"],
) -> None:
    engines = replace(BOTH, prefers=prefers)

    assert engines.choose(LLAMA) == prefers
    assert engines.choose(FOLDER) == "native"
    assert engines.choose(replace(LLAMA, architecture="phi3")) == "llamacpp"


def test_without_its_packages_native_is_taken_only_where_it_is_named() -> None:
    assert TextEngines().choose(LLAMA) == "llamacpp"
    assert TextEngines().choose(FOLDER) is None
    assert TextEngines(prefers="native").choose(LLAMA) == "native"
    assert able(FOLDER) == ("native",)
