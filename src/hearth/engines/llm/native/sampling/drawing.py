"""What decides the tokens of one sequence, beside its logits."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.sampling.adjustments import bias_of, penalties_of
from hearth.engines.llm.native.sampling.choosing import chosen
from hearth.engines.llm.native.sampling.cuts import cuts_of
from hearth.engines.llm.native.sampling.grammar import GrammarState
from hearth.engines.llm.native.sampling.mirostat import Mirostat
from hearth.engines.llm.native.sampling.randomness import uniform
from hearth.engines.llm.types import SequenceRequest

# A temperature below is none, as in vLLM: differences of logits would leave float32.
_LEAST_TEMPERATURE = 1e-5
_MOST_TEMPERATURE = 1e6


class Drawing:
    """How one sequence draws, and what of it depends on the tokens so far.

    Logits go through, in this order: bias and bans, repetition penalty, frequency and presence
    penalty, grammar, temperature, then top_k, typical_p, top_p, min_p or in place of these four
    mirostat. Bias before penalties before temperature before cuts is vLLM's order
    (https://docs.vllm.ai/en/latest/design/logits_processors.html), the cuts among themselves are
    in llama.cpp's (https://github.com/ggml-org/llama.cpp/tree/master/tools/main), as with the
    engine `llamacpp`. Without temperature the likeliest token is taken, the lowest id on ties.

    Args:
        request: with resolved sampling.
        banned: ids that are never drawn.
        grammar: of this sequence alone; advanced here.
    """

    def __init__(
        self,
        request: SequenceRequest,
        vocabulary_size: int,
        *,
        banned: Collection[int] = (),
        grammar: GrammarState | None = None,
    ) -> None:
        sampling = request.sampling
        self.num_top = request.logprobs
        "As `SequenceRequest.logprobs`."
        temperature = 1.0 if sampling.temperature is None else sampling.temperature
        self.is_greedy = temperature < _LEAST_TEMPERATURE or (
            sampling.top_k == 1 and sampling.mirostat_target is None
        )
        self._sharpness = np.float32(
            1.0 / min(max(temperature, _LEAST_TEMPERATURE), _MOST_TEMPERATURE)
        )
        self._seed = request.seed
        self._position = 0
        self._bias = bias_of(sampling, banned)
        self._penalties = penalties_of(sampling, request.prompt, vocabulary_size)
        self._grammar = grammar
        self._cuts = cuts_of(sampling)
        self._mirostat = (
            None
            if sampling.mirostat_target is None
            else Mirostat(sampling.mirostat_target, sampling.mirostat_lr)
        )

    @property
    def is_adjusting(self) -> bool:
        """Whether `adjust` changes anything."""
        return bool(self._bias is not None or self._penalties or self._grammar is not None)

    def adjust(self, logits: Floats) -> None:
        """Apply all that comes before the temperature, in place.

        Raises:
            Failed: the grammar cannot be followed any further.
        """
        if self._bias is not None:
            self._bias.apply(logits)
        for penalty in self._penalties:
            penalty.apply(logits)
        if self._grammar is not None:
            self._grammar.forbid(logits)

    def choose(self, centred: Floats) -> int:
        """Draw a token; the same one for the same logits and position, however often.

        Args:
            centred: (V,) adjusted logits, the largest of them 0; overwritten.
        """
        if self._sharpness != 1.0:
            centred *= self._sharpness
        number = uniform(self._seed, self._position)
        if self._mirostat is not None:
            return self._mirostat.draw(centred, number)
        if self._cuts is None:
            return chosen(np.exp(centred, out=centred), number)
        ids = self._cuts.remaining(centred)
        return int(ids[chosen(np.exp(centred[ids]), number)])

    def accept(self, token: int) -> None:
        """Go on by a token, whether it was drawn or put there."""
        self._position += 1
        for penalty in self._penalties:
            penalty.accept(token)
        if self._mirostat is not None:
            self._mirostat.accept(token)
        if self._grammar is not None:
            self._grammar.accept(token)
