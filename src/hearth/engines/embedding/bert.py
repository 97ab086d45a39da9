"""BERT and RoBERTa encoders in numpy: token ids to a hidden state for every token.

A batch is packed, not padded: the tokens of all sequences stand one after the other, so the
matrix products, nearly all of the work, never touch a token that is not there. Only attention looks
at sequences, those of one length together.

Architecture: Devlin et al. 2018; the names of the tensors are those of transformers' `BertModel`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from hearth.engines.embedding.activations import ACTIVATIONS
from hearth.engines.embedding.config import BertConfig
from hearth.engines.embedding.types import Floats
from hearth.errors import SetupError

Tensors = Mapping[str, Floats]

_PREFIXES = ("", "bert.", "roberta.", "model.")


class _Linear:
    """`x @ weight + bias`, several layers that read one input side by side."""

    def __init__(self, tensors: Tensors, *names: str) -> None:
        weights = [_tensor(tensors, f"{name}.weight").T for name in names]
        self._weight = np.ascontiguousarray(np.concatenate(weights, axis=1))
        self._bias = np.concatenate([_tensor(tensors, f"{name}.bias") for name in names])

    def __call__(self, x: Floats) -> Floats:
        y: Floats = x @ self._weight
        y += self._bias
        return y


class _Norm:
    """Layer normalisation over the last axis, in place."""

    def __init__(self, tensors: Tensors, name: str, epsilon: float) -> None:
        self._weight = _tensor(tensors, f"{name}.weight")
        self._bias = _tensor(tensors, f"{name}.bias")
        self._epsilon = np.float32(epsilon)

    def __call__(self, x: Floats) -> Floats:
        x -= x.mean(axis=-1, keepdims=True)
        variance = np.einsum("td,td->t", x, x)[:, None] / np.float32(x.shape[-1])
        x /= np.sqrt(variance + self._epsilon)
        x *= self._weight
        x += self._bias
        return x


class _Layer:
    def __init__(self, tensors: Tensors, name: str, config: BertConfig) -> None:
        attention, epsilon = f"{name}.attention", config.layer_norm_eps
        self._num_heads = config.num_attention_heads
        self._qkv = _Linear(tensors, *(f"{attention}.self.{n}" for n in ("query", "key", "value")))
        self._out = _Linear(tensors, f"{attention}.output.dense")
        self._norm = _Norm(tensors, f"{attention}.output.LayerNorm", epsilon)
        self._up = _Linear(tensors, f"{name}.intermediate.dense")
        self._activate = ACTIVATIONS[config.hidden_act]
        self._down = _Linear(tensors, f"{name}.output.dense")
        self._last_norm = _Norm(tensors, f"{name}.output.LayerNorm", epsilon)

    def __call__(self, x: Floats, groups: Sequence[tuple[int, int]]) -> Floats:
        qkv = self._qkv(x)
        mixed, start = np.empty_like(x), 0
        for num, length in groups:
            end = start + num * length
            mixed[start:end] = self._attend(qkv[start:end], num, length)
            start = end
        x = self._norm(self._out(mixed) + x)
        return self._last_norm(self._down(self._activate(self._up(x))) + x)

    def _attend(self, qkv: Floats, num: int, length: int) -> Floats:
        """Attend within each of `num` sequences of one length; `qkv` is (num · length, 3 · d)."""
        width = qkv.shape[1] // (3 * self._num_heads)
        split = qkv.reshape(num, length, 3, self._num_heads, width).transpose(2, 0, 3, 1, 4)
        query, key, value = split
        scores: Floats = (query * np.float32(width**-0.5)) @ key.transpose(0, 1, 3, 2)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        attended: Floats = scores @ value
        return attended.transpose(0, 2, 1, 3).reshape(num * length, -1)


class Bert:
    """An encoder.

    Args:
        tensors: by name, as `safetensors.read_tensors` gives them.

    Raises:
        SetupError: a tensor is missing.
    """

    def __init__(self, config: BertConfig, tensors: Tensors) -> None:
        prefix = _prefix(tensors)
        inner = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        self._words = _tensor(inner, "embeddings.word_embeddings.weight")
        # Every token is of segment 0, unless it belongs to the second text of a pair.
        self._segments = _tensor(inner, "embeddings.token_type_embeddings.weight")
        self._positions = _tensor(inner, "embeddings.position_embeddings.weight")
        self._first_position = config.first_position
        self._norm = _Norm(inner, "embeddings.LayerNorm", config.layer_norm_eps)
        self._layers = [
            _Layer(inner, f"encoder.layer.{i}", config) for i in range(config.num_hidden_layers)
        ]

    @property
    def vocabulary_size(self) -> int:
        """Token ids are below it."""
        return len(self._words)

    @property
    def width(self) -> int:
        """The size of a hidden state."""
        return int(self._words.shape[1])

    def __call__(self, sequences: Sequence[Sequence[int]]) -> list[Floats]:
        """Return each sequence's last hidden states as (length, width).

        Best given in order of length.
        """
        lengths = [len(ids) for ids in sequences]
        groups = [(len(list(same)), length) for length, same in groupby(lengths)]
        first = self._first_position
        positions = np.concatenate([np.arange(first, first + n) for n in lengths])
        x: Floats = self._words[np.concatenate([np.asarray(ids) for ids in sequences])]
        x += self._segments[0] + self._positions[positions]
        x = self._norm(x)
        for layer in self._layers:
            x = layer(x, groups)
        return np.split(x, np.cumsum(lengths)[:-1])


def _prefix(tensors: Tensors) -> str:
    word = "embeddings.word_embeddings.weight"
    return next((prefix for prefix in _PREFIXES if prefix + word in tensors), "")


def _tensor(tensors: Tensors, name: str) -> Floats:
    try:
        return tensors[name]
    except KeyError:
        raise SetupError(
            f"The weights hold no tensor {name}, so they are of no BERT or RoBERTa encoder."
        ) from None
