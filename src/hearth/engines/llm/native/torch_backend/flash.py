"""Attention that reads the paged cache where it lies: FlashAttention 3 (Shah et al., 2024).

It comes with the package `flash-attn-3`, for Hopper, and torch calls it. It has not been run here,
so it must earn its place: at load it answers a small case of windows, shared heads and shuffled
blocks, and is taken only if it agrees with `GatheredAttention`.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import activate_flash_attention_impl
from torch.nn.attention.varlen import varlen_attn

from hearth.engines.llm.native.backend import Step
from hearth.engines.llm.native.torch_backend.attention import (
    Attention,
    GatheredAttention,
    KeyValueCache,
    Scoring,
    View,
    make_views,
)
from hearth.engines.llm.native.torch_backend.batch import make_batch

_PACKAGE = "flash_attn_interface"
_TOLERANCE = 0.03  # of outputs around 1: bfloat16 has 8 bits, and sums are in another order

_log = logging.getLogger(__name__)


class FlashAttention:
    """See the module."""

    needs_bias = False

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring

    def __call__(self, query: Tensor, cache: KeyValueCache, views: Sequence[View]) -> Tensor:
        """See `Attention`."""
        output = torch.empty_like(query)
        for view in views:
            batch, length = view.rows.shape
            attended = varlen_attn(
                query[view.rows].flatten(0, 1),
                _pages(cache.keys),
                _pages(cache.values),
                torch.arange(0, batch * length + 1, length, dtype=torch.int32, device=query.device),
                None,
                length,
                view.table.shape[1] * self._scoring.block_tokens,
                scale=self._scoring.scale,
                window_size=(view.window - 1, 0) if view.window else (-1, 0),
                enable_gqa=True,
                seqused_k=(view.positions[:, -1] + 1).int(),
                block_table=view.table.int(),
            )
            assert isinstance(attended, Tensor)  # no more was asked for
            output[view.rows] = attended.reshape(batch, length, *query.shape[1:])
        return output


def flash_attention(scoring: Scoring, cache: KeyValueCache) -> FlashAttention | None:
    """Take it where it is installed, fits the model, and is right; None: it is not to be used."""
    keys = cache.keys
    can_try = keys.is_cuda and keys.dtype == torch.bfloat16 and not scoring.softcap
    if not can_try or importlib.util.find_spec(_PACKAGE) is None:
        return None
    flash = FlashAttention(scoring)
    try:
        activate_flash_attention_impl("FA3")
        is_right = agree(flash, GatheredAttention(scoring), scoring, keys)
    except (RuntimeError, ValueError, ImportError) as error:
        _log.warning("FlashAttention 3 cannot be used: %s", error)
        return None
    if not is_right:
        _log.warning("FlashAttention 3 is wrong on this machine, so it is not used.")
    return flash if is_right else None


def agree(first: Attention, second: Attention, scoring: Scoring, like: Tensor) -> bool:
    """Whether two ways to attend give the same, for a case in the shape of (some model's) keys."""
    step = Step(
        token_ids=np.zeros(6, np.int32),
        positions=np.array([40, 41, 42, 43, 9, 70], np.int32),
        past_tokens=np.array([40, 9, 70], np.int32),
        starts=np.array([0, 4, 5, 6], np.int32),
        block_ids=np.array([5, 2, 0, 6, 1, 4], np.int32),
        block_starts=np.array([0, 2, 3, 6], np.int32),
        logit_rows=np.zeros(0, np.int32),
        adapters=np.full(3, -1, np.int32),
    )
    random = torch.Generator(like.device).manual_seed(0)
    kv_heads, _, block_tokens, head_dim = like.shape
    cache = KeyValueCache((kv_heads, 8, block_tokens, head_dim), like)
    for tensor in (cache.keys, cache.values):
        tensor.normal_(generator=random)
    query = like.new_empty(6, kv_heads * scoring.queries_per_key, head_dim)
    query.normal_(generator=random)
    batch = make_batch(step, block_tokens=block_tokens, scratch_block=7).to(like.device)
    for window in (0, 21):
        views = make_views(batch, window, scoring, like.dtype)
        gap = (first(query, cache, views) - second(query, cache, views)).abs().max()
        if not gap <= _TOLERANCE:
            return False
    return True


def _pages(cached: Tensor) -> Tensor:
    """(kv_heads, blocks, block_tokens, head_dim) as the kernel names them, with heads third."""
    return cached.permute(1, 2, 0, 3)
