"""The same shape and load in transformers' continuous batching, as it comes."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, LlamaConfig

from hearth.engines.llm.native.architecture import Architecture


class Rival:
    """A random model of transformers on a device.

    Args:
        architecture: of the Llama family.
    """

    def __init__(self, architecture: Architecture, device: torch.device) -> None:
        config = LlamaConfig(
            vocab_size=architecture.vocabulary_size,
            hidden_size=architecture.hidden_size,
            intermediate_size=architecture.intermediate_size,
            num_hidden_layers=architecture.num_layers,
            num_attention_heads=architecture.num_heads,
            num_key_value_heads=architecture.num_kv_heads,
            head_dim=architecture.head_dim,
            max_position_embeddings=architecture.context_tokens,
        )
        from_config: Any = AutoModelForCausalLM.from_config  # untyped there
        with device:
            self._model = from_config(config, dtype=torch.bfloat16).eval()
        self._vocabulary_size = architecture.vocabulary_size

    def tokens_per_second(self, streams: int, *, context: int, new_tokens: int) -> float:
        """While all streams are decoding: after the last has its first token, before one ends."""
        prompts = torch.randint(0, self._vocabulary_size, (streams, context)).tolist()
        make_config: Any = GenerationConfig  # untyped there
        config = make_config(
            max_new_tokens=new_tokens, do_sample=False, eos_token_id=-1, pad_token_id=0
        )
        outputs = self._model.generate_batch(
            prompts, generation_config=config, record_timestamps=True
        )
        times: list[list[float]] = [output.timestamps for output in outputs.values()]
        start, end = max(t[0] for t in times), min(t[-1] for t in times)
        if not start < end:
            return float("nan")  # they did not run side by side
        count = sum(start < moment <= end for moment in itertools.chain(*times))
        return count / (end - start)
