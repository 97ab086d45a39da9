"""An embedding request while the engine works on it."""

from __future__ import annotations

from collections import deque

from hearth.engines.embedding.types import Floats, Tokens
from hearth.engines.protocol import Delta, EmbedRequest, More, PromptInfo, Usage, Vectors


class ActiveRequest:
    """One request: which inputs wait, which vectors are made, what that has used."""

    def __init__(self, request_id: int, request: EmbedRequest, now_s: float) -> None:
        self.id = request_id
        self.request = request
        self.is_open = True
        self.inputs: list[Tokens] = []
        self.vectors: list[Floats | None] = []
        self.waiting: deque[int] = deque()
        "Inputs that no batch has taken, shortest first."
        self._num_left = 0
        self._prompt_tokens = 0
        self._added_s = now_s
        self._started_s: float | None = None

    def tokenized(self, inputs: list[Tokens]) -> None:
        """Take the inputs; of a ranking, the last one is the query."""
        self.inputs = inputs
        self.vectors = [None] * len(inputs)
        by_length = sorted(range(len(inputs)), key=lambda i: len(inputs[i].ids))
        self.waiting.extend(by_length)
        self._num_left = len(inputs)

    def begun(self, now_s: float) -> None:
        """A batch has taken inputs."""
        if self._started_s is None:
            self._started_s = now_s

    def take(self, index: int, vector: Floats) -> None:
        """An input has its vector."""
        self.vectors[index] = vector
        self._num_left -= 1
        self._prompt_tokens += len(self.inputs[index].ids)

    @property
    def is_complete(self) -> bool:
        """Whether every input has its vector."""
        return self._num_left == 0

    def progress(self) -> Delta:
        """Tell how much was used so far, so that it is known should the worker die."""
        return Delta(self.id, 0, "", 0, prompt=PromptInfo(self._prompt_tokens, 0))

    def ended(self, now_s: float, vectors: Vectors | None) -> Delta:
        """The last delta; without vectors, the request was cancelled."""
        self.is_open = False
        started_s = now_s if self._started_s is None else self._started_s
        tokens = self._prompt_tokens
        return Delta(
            self.id,
            0,
            "",
            0,
            finish_reason="cancelled" if vectors is None else "stop",
            prompt=PromptInfo(tokens, 0),
            usage=Usage(tokens, 0, 0, started_s - self._added_s, now_s - started_s, 0.0),
            more=None if vectors is None else More(vectors=vectors),
        )
