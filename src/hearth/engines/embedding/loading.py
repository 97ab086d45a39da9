"""Makes the engine from its spec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hearth.engines.embedding import threads
from hearth.engines.protocol import WorkerSpec
from hearth.errors import SetupError

if TYPE_CHECKING:
    from hearth.engines.embedding.engine import EmbeddingEngine


def build(spec: WorkerSpec) -> EmbeddingEngine:
    """Load the model; takes a while, so off the event loop.

    Raises:
        SetupError: an option that the engine has not, or a folder that it cannot use.
    """
    if spec.options:
        raise SetupError(f"The engine embedding has no option {', '.join(sorted(spec.options))}.")
    if spec.path is None:
        raise SetupError(f"The engine embedding needs a model folder for {spec.model}.")
    threads.settle()
    # These load numpy, whose threads were settled just now.
    from hearth.engines.embedding.encoder import Encoder
    from hearth.engines.embedding.engine import EmbeddingEngine

    return EmbeddingEngine(spec, Encoder(Path(spec.path).parent))
