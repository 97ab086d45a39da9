"""What is asked of FlashAttention, answered by its documentation written out in plain torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from hearth.engines.llm.native.torch_backend import flash
from hearth.engines.llm.native.torch_backend.attention import (
    GatheredAttention,
    KeyValueCache,
    Scoring,
    View,
)

SCORING = Scoring(scale=0.2, softcap=0.0, block_tokens=32, queries_per_key=2)
LIKE = torch.empty(2, 1, 32, 16)  # two heads of keys, sixteen wide


def varlen_attn(query: Tensor, keys: Tensor, values: Tensor, *rest: Any, **named: Any) -> Tensor:
    """As torch documents it: ragged queries over pages, causal from the end, a window."""
    starts, _, _, _ = rest
    left, right = named["window_size"]
    assert right == 0
    parts = []
    for index, used in enumerate(named["seqused_k"].tolist()):
        pages = named["block_table"][index]
        key, value = (
            t[pages].flatten(0, 1)[:used].repeat_interleave(2, dim=1) for t in (keys, values)
        )
        part = query[starts[index] : starts[index + 1]]
        place = torch.arange(used - len(part), used)[:, None]
        gap = place - torch.arange(used)
        seen = (gap >= 0) & ((gap <= left) | (left < 0))
        scores = torch.einsum("qhd,khd->hqk", part, key) * named["scale"]
        weights = scores.masked_fill(~seen, -torch.inf).softmax(-1)
        parts.append(torch.einsum("hqk,khd->qhd", weights, value))
    return torch.cat(parts)


def test_it_is_asked_for_what_the_reference_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash, "varlen_attn", varlen_attn)

    candidate = flash.FlashAttention(SCORING)

    assert flash.agree(candidate, GatheredAttention(SCORING), SCORING, LIKE)


class Shortsighted:
    """Attention whose window is one too small."""

    needs_bias = False

    def __call__(self, query: Tensor, cache: KeyValueCache, views: Sequence[View]) -> Tensor:
        shorter = [replace(view, window=max(view.window - 1, 0)) for view in views]
        return flash.FlashAttention(SCORING)(query, cache, shorter)


def test_kernel_that_is_wrong_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash, "varlen_attn", varlen_attn)

    assert not flash.agree(Shortsighted(), GatheredAttention(SCORING), SCORING, LIKE)


def test_it_is_not_tried_without_a_gpu() -> None:
    assert flash.flash_attention(SCORING, KeyValueCache((2, 4, 32, 16), LIKE)) is None
