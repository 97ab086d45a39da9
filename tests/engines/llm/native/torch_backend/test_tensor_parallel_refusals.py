"""What several processes cannot share is refused, and leaves none behind."""

from __future__ import annotations

import pytest

from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.torch_backend import build_torch_backend
from hearth.engines.llm.native_options import NativeOptions
from hearth.errors import SetupError
from tests.engines.llm.native.tiny import Tiny, tiny
from tests.engines.llm.native.torch_backend.stepping import build


def test_heads_that_cannot_be_divided() -> None:
    with pytest.raises(SetupError, match="num_kv_heads of 1 cannot be divided among 2"):
        build(tiny("gemma"), tensor_parallel=2)


def test_weights_that_cannot_be_read_end_all_processes() -> None:
    with pytest.raises(SetupError, match="unreadable"):
        build_torch_backend(
            Unreadable(tiny("llama")), NativeOptions(tensor_parallel=2), num_blocks=4, threads=1
        )


class Unreadable:
    """Weights in a file that is cut off."""

    def __init__(self, model: Tiny) -> None:
        self.architecture = model.architecture
        self._weights = model.weights

    def tensor(self, name: str) -> Floats:
        if name.startswith("layers.1"):
            raise SetupError(f"{name} is unreadable.")
        return self._weights.tensor(name)
