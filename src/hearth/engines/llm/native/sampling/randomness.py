"""Random numbers that depend on nothing but where they are used.

A generator with a state would make a text depend on how often it was asked: on guesses that were
thrown away, or on a start over after the sequence had to give up its place.
"""

from __future__ import annotations

import struct
from hashlib import blake2b

_SEED_BITS = 64
_STEP = 2.0**-53

_key = struct.Struct("<QQ").pack


def uniform(seed: int, position: int) -> float:
    """Return the number in [0, 1) of a place in the text of a seed; 1 µs.

    The first 53 bits of BLAKE2b (RFC 7693) over both, so that neighbouring seeds and places have
    nothing in common.

    Args:
        seed: its lowest 64 bits count.
        position: tokens that were generated before.
    """
    digest = blake2b(_key(seed % (1 << _SEED_BITS), position), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 11) * _STEP
