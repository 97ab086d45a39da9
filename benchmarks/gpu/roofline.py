"""The least time a step can take: every weight and every key and value, read once from memory.

While few tokens are computed at once, a GPU waits for its memory (Williams et al., 2009), so the
bound is bytes over bandwidth. The bandwidth is that of a large copy, measured in the same run.
"""

from __future__ import annotations

import math
import time

import torch

from hearth.engines.llm.native.architecture import Architecture

_ROUNDS = 10


def copy_bandwidth(device: torch.device, num_bytes: int) -> float:
    """Bytes a second that memory moves, read and written counted, in the best of some copies."""
    source = torch.ones(num_bytes // 4, device=device)
    target = torch.empty_like(source)
    best = math.inf
    for _ in range(_ROUNDS):
        finish(device)
        start = time.perf_counter()
        target.copy_(source)
        finish(device)
        best = min(best, time.perf_counter() - start)
    return 2 * source.nbytes / best


def bytes_of_step(
    architecture: Architecture, *, streams: int, context: int, weight_bytes: int, cache_bytes: int
) -> int:
    """What one token for each stream must read.

    Args:
        architecture: of the model.
        streams: sequences in the step.
        context: tokens that each has in the cache.
        weight_bytes: of one number of a linear map; the head's have those of the cache.
        cache_bytes: of one number of the cache.
    """
    shapes = architecture.tensor_shapes()
    maps = sum(math.prod(s) for n, s in shapes.items() if n.startswith("layers.") and len(s) == 2)
    head = architecture.vocabulary_size * architecture.hidden_size
    per_token = 2 * architecture.num_layers * architecture.kv_size
    return maps * weight_bytes + (head + streams * context * per_token) * cache_bytes


def finish(device: torch.device) -> None:
    """Wait until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
