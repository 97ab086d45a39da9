"""What is taken as the truth: transformers in float32 on the exactly dequantised weights."""

from __future__ import annotations

import importlib
from pathlib import Path

import torch

from hearth.engines.llm.gguf_metadata import read_metadata
from hearth.engines.llm.native.architecture import SITES
from hearth.engines.llm.native.weights import open_checkpoint

_PARTS: dict[str, str] = {site: f"self_attn.{site}_proj" for site in SITES[:4]}
_PARTS |= {site: f"mlp.{site}_proj" for site in SITES[4:]}
_PARTS |= {"attention_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"}


class Reference:
    """A GGUF model of the Llama family in transformers."""

    def __init__(self, file: Path) -> None:
        checkpoint = open_checkpoint(file)
        about = checkpoint.architecture
        base = read_metadata(file).get("llama.rope.freq_base", 10_000.0)  # of llama.cpp
        transformers = importlib.import_module("transformers")  # its types are of no use here
        config = transformers.LlamaConfig(
            vocab_size=about.vocabulary_size,
            hidden_size=about.hidden_size,
            intermediate_size=about.intermediate_size,
            num_hidden_layers=about.num_layers,
            num_attention_heads=about.num_heads,
            num_key_value_heads=about.num_kv_heads,
            head_dim=about.head_dim,
            max_position_embeddings=about.context_tokens,
            rms_norm_eps=about.norm_eps,
            rope_parameters={"rope_type": "default", "rope_theta": base},
            tie_word_embeddings=about.is_tied,
            attn_implementation="eager",
        )
        self._model = transformers.LlamaForCausalLM(config).eval()
        tensors = {_name(n): checkpoint.weights.tensor(n) for n in about.tensor_shapes()}
        state = {name: torch.tensor(data) for name, data in tensors.items()}
        if about.is_tied:
            state["lm_head.weight"] = state["model.embed_tokens.weight"]
        self._model.load_state_dict(state)
        self._new_cache = transformers.DynamicCache
        self._ends = checkpoint.tokenizer.eos_ids

    def greedy(self, prompt: list[int], num_tokens: int) -> list[int]:
        """Return the likeliest continuation, up to an end of text, which is left out."""
        out: list[int] = []
        ids, cache = torch.tensor([prompt]), self._new_cache()
        with torch.inference_mode():
            while len(out) < num_tokens:
                mask = torch.ones(1, len(prompt) + len(out), dtype=torch.long)
                told = self._model(ids, attention_mask=mask, cache=cache, logits_to_keep=1)
                token = int(told.logits[0, -1].argmax())
                if token in self._ends:
                    break
                out.append(token)
                ids = torch.tensor([[token]])
        return out

    def logprobs(self, ids: list[int]) -> list[float]:
        """Return the log-probabilities of all tokens but the first."""
        given = torch.tensor([ids])
        with torch.inference_mode():
            logits = self._model(given, attention_mask=torch.ones_like(given)).logits[0, :-1]
        rows = torch.log_softmax(logits, -1)
        return [float(each) for each in rows[torch.arange(len(ids) - 1), given[0, 1:]]]


def _name(own: str) -> str:
    """Return what transformers calls a tensor."""
    match own.split("."):
        case ["embed"]:
            return "model.embed_tokens.weight"
        case ["norm"]:
            return "model.norm.weight"
        case ["head"]:
            return "lm_head.weight"
        case ["layers", layer, part]:
            return f"model.layers.{layer}.{_PARTS[part]}.weight"
    raise ValueError(f"The reference has no {own}; it knows the Llama family alone.")
