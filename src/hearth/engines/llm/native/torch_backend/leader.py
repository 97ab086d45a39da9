"""The process that the engine runs in leads; one more for each further GPU follows.

Each step is told to all before any begins, so that all meet in the same sums. A process that dies
closes its connections: the others' sums fail, and with them the worker, whose supervisor starts
it anew. Sums by NCCL are untried, and steps of several GPUs are not recorded as graphs.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import cast

import msgspec
import torch

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import AdapterWeights, Floats, Step, Weights
from hearth.engines.llm.native.torch_backend import frames, group
from hearth.engines.llm.native.torch_backend.assembly import Plan, assemble
from hearth.engines.llm.native.torch_backend.backend import TorchBackend
from hearth.engines.llm.native.torch_backend.shard import Shard
from hearth.errors import SetupError

_ENDING_S = 10.0
_FOLLOWER = "hearth.engines.llm.native.torch_backend.follower"


def lead(plan: Plan, weights: Weights) -> LeadingBackend:
    """Start the processes of a plan for several, deal the weights out, load the own share.

    Raises:
        SetupError: a process could not load its share.
    """
    with ExitStack() as undo:
        followers = Followers()
        undo.callback(followers.kill)
        try:
            followers.start(plan)
            group.join(plan, followers.meeting_file)
            own = assemble(plan, _Dealt(weights, plan.shard, followers))
            group.wait_for_all(plan)
        except torch.OutOfMemoryError:
            raise
        except (OSError, RuntimeError) as error:
            raise SetupError(
                f"A process of the {plan.shard.world} that share the model could not load its "
                f"part ({error}): see its messages above, or set `tensor_parallel` to 1."
            ) from error
        undo.pop_all()
    return LeadingBackend(own, followers, plan.shard)


class LeadingBackend:
    """A `Backend` of several processes."""

    def __init__(self, own: TorchBackend, followers: Followers, shard: Shard) -> None:
        self._own = own
        self._followers = followers
        self._shard = shard

    @property
    def block_tokens(self) -> int:
        """See `Backend`."""
        return self._own.block_tokens

    @property
    def num_blocks(self) -> int:
        """See `Backend`."""
        return self._own.num_blocks

    def forward(self, step: Step) -> Floats:
        """See `Backend`."""
        self._followers.tell_all(frames.compute(step))
        return self._own.forward(step)

    def prepare_adapters(self) -> None:
        """See `Backend`; there is nothing to do."""

    def put_adapter(self, place: int, weights: AdapterWeights) -> None:
        """See `Backend`.

        Raises:
            SetupError: it does not fit the model; what was at the place stays.
        """
        self._own.put_adapter(place, self._shard.cut_adapter(weights))
        for rank in range(1, self._shard.world):
            share = Shard(rank, self._shard.world).cut_adapter(weights)
            self._followers.tell(rank, frames.put(place, share))

    def drop_adapter(self, place: int) -> None:
        """See `Backend`."""
        self._own.drop_adapter(place)
        self._followers.tell_all(frames.Drop(place))

    def close(self) -> None:
        """See `Backend`."""
        self._own.close()
        self._followers.close()


class Followers:
    """The other processes, each with a pipe to its standard input; they end when it closes."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hearth-")
        self._processes: list[subprocess.Popen[bytes]] = []
        self.meeting_file = Path(self._folder.name) / "meeting"

    def start(self, plan: Plan) -> None:
        """Start all but the first, and tell each its part."""
        for rank in range(1, plan.shard.world):
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", _FOLLOWER],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    bufsize=0,
                )
            )
            part = msgspec.structs.replace(
                plan,
                shard=Shard(rank, plan.shard.world),
                device="cpu" if plan.device == "cpu" else f"cuda:{rank}",
            )
            self.tell(rank, frames.Join(part, str(self.meeting_file)))

    def tell(self, rank: int, frame: frames.Frame) -> None:
        """Send one process a frame.

        Raises:
            OSError: it is gone.
        """
        pipe = self._processes[rank - 1].stdin
        frames.write_frame(cast(io.RawIOBase, pipe), frame)

    def tell_all(self, frame: frames.Frame) -> None:
        """Send every process the same.

        Raises:
            OSError: one is gone.
        """
        for rank in range(1, len(self._processes) + 1):
            self.tell(rank, frame)

    def close(self) -> None:
        """Let them end, and see that they did."""
        with suppress(OSError):
            self.tell_all(frames.Close())
        group.leave()
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_ENDING_S)
        self.kill()

    def kill(self) -> None:
        """End them at once."""
        for process in self._processes:
            process.kill()
            with process:  # closes the pipe, and waits
                pass
        group.leave()
        self._processes.clear()
        self._folder.cleanup()


class _Dealt:
    """`Weights` of the leader's share; reading one sends the others theirs."""

    def __init__(self, weights: Weights, shard: Shard, followers: Followers) -> None:
        self._weights = weights
        self._shard = shard
        self._followers = followers

    @property
    def architecture(self) -> Architecture:
        """See `Weights`."""
        return self._weights.architecture

    def tensor(self, name: str) -> Floats:
        """See `Weights`."""
        whole = self._weights.tensor(name)
        for rank in range(1, self._shard.world):
            share = Shard(rank, self._shard.world).cut(name, whole)
            self._followers.tell(rank, frames.array(name, share))
        return self._shard.cut(name, whole)
