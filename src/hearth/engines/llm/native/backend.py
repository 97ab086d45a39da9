"""The seam between the engine, which decides what is computed, and what computes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hearth.engines.llm.native.architecture import Architecture, Site

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

NO_ADAPTER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One forward pass over pieces of any number of sequences, laid end to end on one token axis.

    A piece is a chunk of a prompt, or the one token that was drawn last, perhaps with guesses at
    what follows it: the backend need not know. T tokens, S sequences, R rows of logits.
    """

    token_ids: Ints
    "(T,)"
    positions: Ints
    "(T,) of each token in its sequence."
    past_tokens: Ints
    "(S,) how many tokens of each sequence are in the cache already."
    starts: Ints
    "(S + 1,) where each sequence's piece begins on the token axis, and T."
    block_ids: Ints
    "Blocks of the cache that hold each sequence, this step's tokens included, one after the other."
    block_starts: Ints
    "(S + 1,) where each sequence's blocks begin in `block_ids`."
    logit_rows: Ints
    "(R,) the tokens after which logits are wanted, in ascending order."
    adapters: Ints
    "(S,) the place of each sequence's adapter, or `NO_ADAPTER`."


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraPair:
    """The two factors of an update to a weight, which grows by `b @ a` (Hu et al., 2021)."""

    a: Floats
    "(rank, columns)"
    b: Floats
    "(rows, rank), alpha over rank multiplied in."


AdapterWeights = Mapping[tuple[int, Site], LoraPair]
"By layer and linear map; ranks may differ, and what is missing is left alone."


class Weights(Protocol):
    """A model's tensors, by the names of `Architecture.tensor_shapes`."""

    @property
    def architecture(self) -> Architecture:
        """What they are weights of."""
        ...

    def tensor(self, name: str) -> Floats:
        """Read one, as float32; a fresh or read-only array.

        Raises:
            SetupError: it cannot be read, or holds numbers that are not finite.
        """
        ...


class Backend(Protocol):
    """A loaded model with its cache of keys and values.

    Its methods are called one at a time, save `prepare_adapters`.
    """

    @property
    def block_tokens(self) -> int:
        """Tokens that a block of the cache holds."""
        ...

    @property
    def num_blocks(self) -> int:
        """Blocks that there are; ids are below this."""
        ...

    def forward(self, step: Step) -> Floats:
        """Compute a step; return its logits, (R, vocabulary), good until the next call.

        Keys and values of all its tokens are in the cache afterwards.
        """
        ...

    def prepare_adapters(self) -> None:
        """Do what the first adapter needs and takes long; called in a thread, beside steps.

        It comes before the first `put_adapter`, and may come again.
        """
        ...

    def put_adapter(self, place: int, weights: AdapterWeights) -> None:
        """Let sequences use an adapter under this number; whatever was there is replaced."""
        ...

    def drop_adapter(self, place: int) -> None:
        """Forget an adapter; no step names it any more."""
        ...

    def close(self) -> None:
        """Free the memory."""
        ...
