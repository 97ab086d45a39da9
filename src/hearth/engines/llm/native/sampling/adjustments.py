"""What is done to logits before the temperature: bias, penalties, tokens that are banned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from hearth.engines.llm.native.backend import Floats
from hearth.engines.protocol import Sampling

_BANNED = -100.0
_MOST = 1e6


class Bias:
    """What is added to the logits of some tokens; one of -100 or less bans them.

    Args:
        banned: ids that are never drawn, whatever their bias.
    """

    def __init__(self, biases: Mapping[int, float], banned: Iterable[int]) -> None:
        added = {
            token: min(bias, _MOST) if bias > _BANNED else -np.inf for token, bias in biases.items()
        }
        added |= dict.fromkeys(banned, -np.inf)
        self._ids = np.fromiter(added.keys(), np.int64, len(added))
        self._added = np.fromiter(added.values(), np.float32, len(added))

    def apply(self, logits: Floats) -> None:
        """Change the logits in place."""
        logits[self._ids] += self._added


class RepetitionPenalty:
    """Divides positive and multiplies negative logits of tokens seen (Keskar et al., 2019).

    Args:
        prompt: seen as much as what is generated.
    """

    def __init__(self, penalty: float, prompt: Collection[int], vocabulary_size: int) -> None:
        self._penalty = np.float32(penalty)
        self._is_seen = np.zeros(vocabulary_size, np.bool_)
        self._is_seen[np.fromiter(prompt, np.int64, len(prompt))] = True

    def accept(self, token: int) -> None:
        """Count a token as seen."""
        self._is_seen[token] = True

    def apply(self, logits: Floats) -> None:
        """Change the logits in place."""
        ids = np.flatnonzero(self._is_seen)
        seen = logits[ids]
        logits[ids] = np.where(seen > 0, seen / self._penalty, seen * self._penalty)


class CountPenalty:
    """Takes `frequency` for each time a token was generated, and `presence` once, as OpenAI does.

    https://platform.openai.com/docs/guides/text-generation
    """

    def __init__(self, *, frequency: float, presence: float, vocabulary_size: int) -> None:
        self._frequency = frequency
        self._presence = presence
        self._counts: dict[int, int] = {}
        self._taken = np.zeros(vocabulary_size, np.float32)

    def accept(self, token: int) -> None:
        """Count a token."""
        count = self._counts[token] = self._counts.get(token, 0) + 1
        self._taken[token] = self._frequency * count + self._presence

    def apply(self, logits: Floats) -> None:
        """Change the logits in place."""
        logits -= self._taken


Penalty = RepetitionPenalty | CountPenalty


def bias_of(sampling: Sampling, banned: Collection[int]) -> Bias | None:
    """Return the bias of settings; None where there is none."""
    if not sampling.logit_bias and not banned:
        return None
    return Bias(sampling.logit_bias or {}, banned)


def penalties_of(
    sampling: Sampling, prompt: Collection[int], vocabulary_size: int
) -> list[Penalty]:
    """Return the penalties of settings, in the order in which they are applied."""
    penalties: list[Penalty] = []
    if sampling.repetition_penalty != 1.0:
        penalties.append(RepetitionPenalty(sampling.repetition_penalty, prompt, vocabulary_size))
    if sampling.frequency_penalty or sampling.presence_penalty:
        penalties.append(
            CountPenalty(
                frequency=sampling.frequency_penalty,
                presence=sampling.presence_penalty,
                vocabulary_size=vocabulary_size,
            )
        )
    return penalties
