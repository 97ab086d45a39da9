"""Which engine runs weights that write text: one table, and one rule for where several can."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from msgspec import Struct

from hearth.catalog.types import Inspection, ModelType

TextEngineName = Literal["llamacpp", "native"]
TextEngineChoice = Literal["auto", "llamacpp", "native"]

TEXT: frozenset[ModelType] = frozenset(
    {ModelType.CHAT, ModelType.COMPLETION, ModelType.VISION}  # of vision, the text side
)

_GGUF_FAMILIES = frozenset({"llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3"})
"`general.architecture` of what `native` computes."
_GGUF_TOKENIZERS = frozenset({"gpt2", "llama"})
"`tokenizer.ggml.model` of what `native` can tokenise."
_GGUF_TYPES = frozenset(
    {
        "F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0",
        "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
    }
)  # fmt: skip
"Element types that `native` reads."
FAMILIES = {
    "LlamaForCausalLM": "llama",
    "MistralForCausalLM": "mistral",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
    "GemmaForCausalLM": "gemma",
    "Gemma2ForCausalLM": "gemma2",
    "Gemma3ForCausalLM": "gemma3",
}
"What `native` loads as safetensors: `architectures` of a config, and its `model_type`."
_SAFETENSORS_TYPES = frozenset({"F32", "F16", "BF16"})
_GPU = Path("/dev/nvidiactl")
"Is there where the kernel drives an NVIDIA GPU."


class TextEngines(Struct, frozen=True, kw_only=True):
    """Which engines for text there are, and which is preferred."""

    prefers: TextEngineChoice = "auto"
    "`auto` leaves it to the rule of `choose`."
    has_native: bool = False
    "Whether `native` can compute here."

    def choose(self, found: Inspection) -> TextEngineName | None:
        """Say what runs weights that write text; None: nothing here can.

        The rule: `native` where it can, `llamacpp` for whatever else is GGUF. A preference counts
        where the weights leave a choice.
        """
        can = able(found)
        if self.prefers in can and found.format == "gguf":
            return self.prefers  # a worker without its package says what is missing
        if "native" in can and self.has_native and self.prefers != "llamacpp":
            return "native"
        if "llamacpp" in can:
            return "llamacpp"
        return "native" if "native" in can and self.has_native else None


def able(found: Inspection) -> tuple[TextEngineName, ...]:
    """The engines that can run weights, whether their packages are here or not."""
    if found.type not in TEXT:
        return ()
    if found.format == "gguf":
        return ("native", "llamacpp") if _is_native_gguf(found) else ("llamacpp",)
    is_known = found.architecture in FAMILIES and found.quantisation in _SAFETENSORS_TYPES
    return ("native",) if is_known else ()


def has_native() -> bool:
    """Whether `native` can compute here, on a CPU or a GPU; nothing is imported to find out."""
    return find_spec("openvino") is not None or (_GPU.exists() and find_spec("torch") is not None)


def _is_native_gguf(found: Inspection) -> bool:
    return (
        found.architecture in _GGUF_FAMILIES
        and found.active_parameters is None  # no mixture of experts
        and found.quantisation in _GGUF_TYPES
        and found.tokenizer in _GGUF_TOKENIZERS
    )
