"""What a GGUF file loses in llama.cpp's hands: its log-probabilities against float32.

    python benchmarks/llamacpp_quality.py MODEL.gguf FORM.gguf...

Every form, run by llama.cpp, is compared with MODEL's weights run in float32 by numpy, on the
language reference that comes with Python: perplexity, the change in each token's log-probability,
the divergence of the distributions, how often the likeliest token is the same. Works for files of
the Llama architecture; needs the packages xllamacpp, gguf and numpy, and some GB of memory.
`llamacpp_forms.py` makes the forms.
"""

from __future__ import annotations

import argparse
import ctypes
import pydoc_data.topics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import xllamacpp
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WINDOW, WINDOWS = 512, 8  # tokens of context, stretches of text


class Reference:
    """The Llama architecture in float32 (arXiv:2302.13971), with grouped keys and values."""

    def __init__(self, source: Path) -> None:
        reader = gguf.GGUFReader(source)
        self._weights: dict[str, Floats] = {
            t.name: gguf.dequantize(t.data, t.tensor_type).astype(np.float32)
            for t in reader.tensors
        }
        about = {n[6:]: f.contents() for n, f in reader.fields.items() if n.startswith("llama.")}
        self._layers: int = about["block_count"]
        self._heads: int = about["attention.head_count"]
        self._kv_heads: int = about["attention.head_count_kv"]
        self._width: int = about["rope.dimension_count"]
        self._base: float = about.get("rope.freq_base", 10_000.0)  # of the paper
        self._epsilon: float = about["attention.layer_norm_rms_epsilon"]

    def logprobs(self, ids: list[int]) -> Floats:
        """Return (position, token) log-probabilities of what follows each position."""
        w = self._weights
        x = w["token_embd.weight"][ids]
        for layer in range(self._layers):
            p = {n.split(".")[2]: t for n, t in w.items() if n.startswith(f"blk.{layer}.")}
            x = x + self._attention(self._norm(x, p["attn_norm"]), p)
            h = self._norm(x, p["ffn_norm"])
            gate = h @ p["ffn_gate"].T
            x = x + (gate / (1 + np.exp(-gate)) * (h @ p["ffn_up"].T)) @ p["ffn_down"].T
        head = w.get("output.weight", w["token_embd.weight"])
        return log_softmax(self._norm(x, w["output_norm.weight"]) @ head.T)

    def _attention(self, h: Floats, p: dict[str, Floats]) -> Floats:
        length, repeats = len(h), self._heads // self._kv_heads
        q = self._rotate((h @ p["attn_q"].T).reshape(length, self._heads, -1)).transpose(1, 0, 2)
        k = self._rotate((h @ p["attn_k"].T).reshape(length, self._kv_heads, -1))
        v = (h @ p["attn_v"].T).reshape(length, self._kv_heads, -1)
        k, v = (np.repeat(t, repeats, axis=1).transpose(1, 0, 2) for t in (k, v))
        future = np.triu(np.full((length, length), -np.inf, np.float32), 1)
        scores = np.exp(log_softmax(q @ k.transpose(0, 2, 1) / np.sqrt(self._width) + future))
        mixed: Floats = (scores @ v).transpose(1, 0, 2).reshape(length, -1)
        return np.asarray(mixed @ p["attn_output"].T, np.float32)

    def _norm(self, x: Floats, weight: Floats) -> Floats:
        scale = np.sqrt((x * x).mean(-1, keepdims=True) + self._epsilon)
        return np.asarray(x / scale * weight, np.float32)

    def _rotate(self, x: Floats) -> Floats:
        """Rotate neighbours: GGUF stores Llama's queries and keys in that order."""
        angle = np.outer(
            np.arange(len(x)), self._base ** (-np.arange(0, self._width, 2) / self._width)
        )
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        out = np.empty_like(x)
        out[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
        out[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
        return out


def log_softmax(z: Floats) -> Floats:
    z = z - z.max(-1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(-1, keepdims=True)), np.float32)


class _Parameters(ctypes.Structure):
    """llama.h's parameter structs, which travel by value; more bytes than they have do no harm."""

    _fields_ = [("words", ctypes.c_uint32 * 256)]


class _Batch(ctypes.Structure):
    """llama.h's `llama_batch`."""

    _fields_ = [
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


class Native:
    """A model in llama.cpp itself, through the C functions that the Python library exports."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(next(Path(xllamacpp.__file__).parent.glob("*.so"))))
        self._silent = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(
            lambda *_: None
        )
        self._library.llama_log_set(self._silent, None)
        options = self._call("llama_model_default_params", _Parameters)
        self._model = ctypes.c_void_p(
            self._call("llama_model_load_from_file", ctypes.c_void_p, bytes(path), options)
        )
        options = self._call("llama_context_default_params", _Parameters)
        options.words[0] = WINDOW  # n_ctx is the first field
        self._context = ctypes.c_void_p(
            self._call("llama_init_from_model", ctypes.c_void_p, self._model, options)
        )
        self._batch = self._call("llama_batch_init", _Batch, WINDOW, 0, 1)
        vocabulary = self._call("llama_model_get_vocab", ctypes.c_void_p, self._model)
        self._vocabulary = ctypes.c_void_p(vocabulary)
        self._num_tokens = self._call("llama_vocab_n_tokens", ctypes.c_int32, self._vocabulary)

    def close(self) -> None:
        """Free the model."""
        for name, what in (("llama_free", self._context), ("llama_model_free", self._model)):
            self._call(name, None, what)

    def tokens(self, text: str) -> list[int]:
        """Return the text's tokens, without special ones."""
        data = text.encode()
        out = (ctypes.c_int32 * (len(data) + 8))()
        arguments = (self._vocabulary, data, len(data), out, len(out), False, False)
        return list(out[: self._call("llama_tokenize", ctypes.c_int32, *arguments)])

    def logprobs(self, ids: list[int]) -> Floats:
        """As `Reference.logprobs`, for at most `WINDOW` tokens."""
        memory = self._call("llama_get_memory", ctypes.c_void_p, self._context)
        self._call("llama_memory_clear", None, ctypes.c_void_p(memory), True)
        batch = self._batch
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, i, 1, 1
            batch.seq_id[i][0] = 0
        if status := self._call("llama_decode", ctypes.c_int32, self._context, batch):
            raise RuntimeError(f"llama_decode answered {status}")
        logits = self._call("llama_get_logits", ctypes.POINTER(ctypes.c_float), self._context)
        return log_softmax(np.ctypeslib.as_array(logits, (len(ids), self._num_tokens)))

    def _call(self, name: str, result: Any, *arguments: Any) -> Any:
        """Call a C function; the library has no types of its own."""
        function = getattr(self._library, name)
        function.restype = result
        return function(*arguments)


def compare(model: Path, forms: list[Path]) -> Iterator[str]:
    """Yield a table, row by row."""
    native = Native(model)
    ids = native.tokens("\n\n".join(pydoc_data.topics.topics.values()))
    native.close()
    windows = [ids[i : i + WINDOW] for i in range(0, WINDOW * WINDOWS, WINDOW)]
    reference = Reference(model)
    truth = [reference.logprobs(window) for window in windows]
    yield "| file | MiB | perplexity | mean, p99, max of the change in logprob | KL | same top |"
    yield "|---|---|---|---|---|---|"
    yield row("float32", 0, windows, truth, truth)
    for form in forms:
        native = Native(form)
        ours = [native.logprobs(window) for window in windows]
        native.close()
        yield row(form.stem, form.stat().st_size, windows, ours, truth)


def row(
    name: str, size: int, windows: list[list[int]], ours: list[Floats], truth: list[Floats]
) -> str:
    """Compare the predictions of each window's tokens, the first excepted."""
    mine, right = (np.concatenate([one[:-1] for one in each]) for each in (ours, truth))
    following = np.concatenate([window[1:] for window in windows])
    each = np.arange(len(following))
    change = np.abs(mine[each, following] - right[each, following])
    divergence = (np.exp(right) * (right - mine)).sum(-1).mean()
    same = (mine.argmax(-1) == right.argmax(-1)).mean()
    return (
        f"| {name} | {size / 2**20:.0f} | {np.exp(-mine[each, following].mean()):.3f} "
        f"| {change.mean():.4f}, {np.quantile(change, 0.99):.3f}, {change.max():.3f} "
        f"| {divergence:.5f} | {same:.2%} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="the weights taken as exact")
    parser.add_argument("forms", type=Path, nargs="+", help="files to judge")
    arguments = parser.parse_args()
    for line in compare(arguments.model, arguments.forms):
        print(line, flush=True)


if __name__ == "__main__":
    main()
