"""The kinds of server that are known, and what each can be asked for.

Sources: the request types of vLLM 0.33 (`entrypoints/openai`) and SGLang 0.5 (`srt/entrypoints/
openai/protocol.py`), the OpenAI API reference, this project's own gateway. A field that a kind
does not know is refused, because most servers drop it without a word.
"""

from __future__ import annotations

from enum import StrEnum

from hearth.engines.protocol import Capabilities, Sampling


class Kind(StrEnum):
    """Which server answers."""

    VLLM = "vllm"
    SGLANG = "sglang"
    HEARTH = "hearth"
    OPENAI = "openai"
    "OpenAI itself, and whatever speaks its API and says no more of itself."


_STANDARD = frozenset(
    {"temperature", "top_p", "frequency_penalty", "presence_penalty", "logit_bias"}
)
_EXTENDED = _STANDARD | {"top_k", "min_p", "repetition_penalty"}

_SCHEMAS = frozenset({"json_object", "json_schema"})
_ALL_CONSTRAINTS = _SCHEMAS | {"grammar", "regex"}

CAPABILITIES = {
    Kind.VLLM: Capabilities(
        sampling=_EXTENDED,
        chat=True,
        token_prompts=True,
        ignore_eos=True,
        stop_token_ids=True,
        seed=True,
        constraints=_ALL_CONSTRAINTS,
        tools=True,
        reasoning=True,
        logprobs=5,
        token_ids=True,
    ),
    # Its seed counts only under --enable-deterministic-inference.
    Kind.SGLANG: Capabilities(
        sampling=_EXTENDED,
        chat=True,
        token_prompts=True,
        ignore_eos=True,
        stop_token_ids=True,
        constraints=_ALL_CONSTRAINTS,
        tools=True,
        reasoning=True,
        logprobs=5,
    ),
    Kind.HEARTH: Capabilities(
        sampling=frozenset(Sampling.__struct_fields__),
        chat=True,
        token_prompts=True,
        ignore_eos=True,
        stop_token_ids=True,
        seed=True,
        cached_tokens=True,
        constraints=_ALL_CONSTRAINTS,
        tools=True,
        reasoning=True,
        logprobs=5,
        echo=True,
        token_ids=True,
    ),
    # Its seed is best effort.
    Kind.OPENAI: Capabilities(
        sampling=_STANDARD,
        chat=True,
        constraints=_SCHEMAS,
        tools=True,
        reasoning=True,
        logprobs=5,
    ),
}

COUNTS_BY_CHOICE = frozenset({Kind.VLLM, Kind.SGLANG})
"Their running usage on a chunk is that of the chunk's choice, not of the whole answer."

HEALTH_PATHS = {Kind.VLLM: "/health", Kind.SGLANG: "/health", Kind.HEARTH: "/healthz"}
