"""Does this OpenVINO compute what we think it does? Asked before a model is served with it.

Paged attention is an op that OpenVINO keeps to itself, and a row that is not there being zero is
how its gather behaves rather than what it promises. One layer with random weights, two sequences,
one of them with an adapter, are compared with plain numpy.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearth.engines.llm.native.architecture import SITES, Architecture, Rope
from hearth.engines.llm.native.backend import NO_ADAPTER, Floats, LoraPair, Step
from hearth.engines.llm.native.openvino_backend.backend import OpenVinoBackend
from hearth.errors import SetupError

Numbers = NDArray[np.floating[Any]]  # Any: of either width

_TOLERANCE = 1e-3  # of logits around 1; float32 in another order gives 1e-6

_MODEL = Architecture(
    family="probe",
    num_layers=1,
    hidden_size=16,
    intermediate_size=16,
    num_heads=2,
    num_kv_heads=1,
    head_dim=16,
    vocabulary_size=8,
    context_tokens=64,
    norm_eps=1e-5,
    is_tied=True,
    attention_scale=0.25,
    ropes=(Rope(tuple(10.0 ** (-n / 4) for n in range(8))),),
    layer_ropes=(0,),
    layer_windows=(0,),
)


class _RandomWeights:
    architecture = _MODEL

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.tensors = {
            name: (random.standard_normal(shape) / 2).astype(np.float32)
            for name, shape in _MODEL.tensor_shapes().items()
        }

    def tensor(self, name: str) -> Floats:
        return self.tensors[name]


@cache
def check_openvino() -> None:
    """Compare, once in a process; takes a tenth of a second.

    Raises:
        SetupError: it computes something else, or cannot compute at all.
    """
    weights = _RandomWeights()
    pair = LoraPair(a=np.full((1, 16), 0.25, np.float32), b=np.full((16, 1), 0.5, np.float32))
    try:
        backend = OpenVinoBackend(weights, "f32", num_blocks=3, threads=1)
        backend.prepare_adapters()
        backend.put_adapter(0, {(0, "down"): pair})
        first = _computed(backend, _step([[1, 2, 3], [4, 5]], past=0))
        again = _computed(backend, _step([[6], [7]], past=np.array([3, 2])))
    except RuntimeError as error:
        raise SetupError(f"{_ADVICE} It says: {str(error)[:200]}") from None
    told = np.concatenate([first, again])
    right = [
        _reference(weights, [1, 2, 3], None),
        _reference(weights, [4, 5], pair),
        _reference(weights, [1, 2, 3, 6], None),
        _reference(weights, [4, 5, 7], pair),
    ]
    if not np.allclose(told, right, atol=_TOLERANCE):
        raise SetupError(_ADVICE)


_ADVICE = (
    "The installed OpenVINO does not compute what the engine native needs; install the version "
    "that Hearth pins, or serve GGUF weights with the engine llamacpp."
)


def _computed(backend: OpenVinoBackend, step: Step) -> Numbers:
    return backend.forward(step).copy()


def _step(pieces: list[list[int]], past: object) -> Step:
    lengths = np.array([len(each) for each in pieces], np.int32)
    past_tokens = np.broadcast_to(np.asarray(past, np.int32), lengths.shape)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    positions = [np.arange(n) + p for n, p in zip(lengths, past_tokens, strict=True)]
    return Step(
        token_ids=np.concatenate(pieces).astype(np.int32),
        positions=np.concatenate(positions).astype(np.int32),
        past_tokens=np.ascontiguousarray(past_tokens),
        starts=starts,
        block_ids=np.array([2, 0], np.int32),
        block_starts=np.array([0, 1, 2], np.int32),
        logit_rows=starts[1:] - 1,
        adapters=np.array([NO_ADAPTER, 0], np.int32),
    )


def _reference(weights: _RandomWeights, ids: list[int], pair: LoraPair | None) -> Numbers:
    """Logits after the last token of a text."""
    w = {name.removeprefix("layers.0."): tensor for name, tensor in weights.tensors.items()}
    down = w["down"] if pair is None else w["down"] + pair.b @ pair.a
    x: Numbers = w["embed"][ids]
    h: Numbers = _norm(x, w["attention_norm"])
    q, k, v = (h @ w[site].T for site in SITES[:3])
    keys = _rotated(k)
    heads = []
    for part in (q[:, :16], q[:, 16:]):
        scores: Numbers = _rotated(part) @ keys.T * _MODEL.attention_scale
        scores = np.where(np.tri(len(ids)) > 0, scores, -np.inf)
        weight = np.exp(scores - scores.max(1, keepdims=True))
        heads.append(weight / weight.sum(1, keepdims=True) @ v)
    x = x + np.concatenate(heads, 1) @ w["o"].T
    h = _norm(x, w["mlp_norm"])
    gate = h @ w["gate"].T
    x = x + (gate / (1 + np.exp(-gate)) * (h @ w["up"].T)) @ down.T
    logits: Numbers = (_norm(x, w["norm"]) @ w["embed"].T)[-1]
    return logits


def _norm(x: Numbers, weight: Numbers) -> Numbers:
    normed: Numbers = x / np.sqrt((x**2).mean(1, keepdims=True) + _MODEL.norm_eps) * weight
    return normed


def _rotated(x: Numbers) -> Numbers:
    angles = np.arange(len(x))[:, None] * np.array(_MODEL.ropes[0].inverse_frequencies)
    cosine, sine = np.cos(angles), np.sin(angles)
    first, second = x[:, :8], x[:, 8:]
    turned: Numbers = np.concatenate(
        [first * cosine - second * sine, second * cosine + first * sine], 1
    )
    return turned
