"""The processes of one model find each other, and part."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from hearth.engines.llm.native.torch_backend.assembly import Plan

WAIT_S = 120.0  # for a process that loads torch on a busy machine, and for the longest sum


def join(plan: Plan, meeting_file: Path) -> None:
    """Wait until all processes of a plan are here: NCCL on GPUs, gloo on CPUs.

    Raises:
        RuntimeError: some did not come.
    """
    device = torch.device(plan.device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=meeting_file.as_uri(),
        rank=plan.shard.rank,
        world_size=plan.shard.world,
        timeout=timedelta(seconds=WAIT_S),
    )


def wait_for_all(plan: Plan) -> None:
    """Return when all processes call this.

    Raises:
        RuntimeError: one is gone.
    """
    total = torch.ones(1, device=plan.device)
    dist.all_reduce(total)
    assert total.item() == plan.shard.world


def leave() -> None:
    """Close the connections."""
    if dist.is_initialized():
        dist.destroy_process_group()
