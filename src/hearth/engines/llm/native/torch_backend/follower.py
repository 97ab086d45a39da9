"""A process that holds a share of a model and computes what the leader tells it to.

`python -m` this module reads frames from standard input. When that closes without a word, the
leader is dead and so is this process, even in the middle of a sum.
"""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from queue import Queue

import torch

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.torch_backend import frames, group
from hearth.engines.llm.native.torch_backend.assembly import assemble
from hearth.engines.llm.native.torch_backend.backend import TorchBackend

Inbox = Queue[frames.Frame]

_STANDARD_INPUT = 0


def main() -> None:
    """Load a share, then follow until told to end."""
    inbox: Inbox = Queue(maxsize=4)
    threading.Thread(target=_receive, args=(inbox,), daemon=True).start()
    first = inbox.get()
    assert isinstance(first, frames.Join)
    torch.set_num_threads(first.plan.threads)
    group.join(first.plan, Path(first.meeting_file))
    backend = assemble(first.plan, _Received(first.plan.architecture, inbox))
    group.wait_for_all(first.plan)
    while not isinstance(frame := inbox.get(), frames.Close):
        _follow(backend, frame)
    group.leave()


def _follow(backend: TorchBackend, frame: frames.Frame) -> None:
    match frame:
        case frames.Compute():
            backend.compute(frames.step_of(frame))
        case frames.Put(place=place):
            backend.put_adapter(place, frames.adapter_of(frame))
        case frames.Drop(place=place):
            backend.drop_adapter(place)


def _receive(inbox: Inbox) -> None:
    """Keep reading while the other thread computes, so that the leader's death is noticed."""
    with io.FileIO(_STANDARD_INPUT, closefd=False) as pipe:
        try:
            while True:
                frame = frames.read_frame(pipe)
                inbox.put(frame)
                if isinstance(frame, frames.Close):
                    return
        except EOFError:
            os._exit(1)


class _Received:
    """`Weights` that the leader deals out, in the order they are asked for."""

    def __init__(self, architecture: Architecture, inbox: Inbox) -> None:
        self.architecture = architecture
        self._inbox = inbox

    def tensor(self, name: str) -> Floats:
        """See `Weights`."""
        frame = self._inbox.get()
        assert isinstance(frame, frames.Array)
        assert frame.name == name
        return frames.values(frame)


if __name__ == "__main__":
    main()
