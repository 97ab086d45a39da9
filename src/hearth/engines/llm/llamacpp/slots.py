"""Which slot of the server a sequence gets, so that cached prompts stay within their group.

Left to itself, the server looks for the longest common prefix among all slots, whoever filled
them: an answer's speed would tell one account what another has asked.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

Group = tuple[str, str]
"Adapter and cache group: keys and values made with one adapter are wrong with another."

_MIN_SHARE = 0.1  # of a prompt; a shorter common prefix is not worth a slot with other content


@dataclass(frozen=True, kw_only=True)
class Placing:
    """Where a sequence runs."""

    slot: int
    may_reuse: bool
    "What the slot holds is of the sequence's own group."


@dataclass
class _Slot:
    group: Group | None = None
    "Whose prompt it holds; None: it was never used."
    prompt: Sequence[int] = ()
    last_used: int = 0
    is_free: bool = True


class Slots:
    """The slots of one server, each free or running one sequence."""

    def __init__(self, count: int) -> None:
        self._slots = [_Slot() for _ in range(count)]
        self._clock = 0

    @property
    def any_free(self) -> bool:
        """Whether another sequence can be placed."""
        return any(slot.is_free for slot in self._slots)

    def place(self, prompt: Sequence[int], group: Group, *, use_cache: bool) -> Placing:
        """Take a free slot: the one that holds most of the prompt, or else the least recently used.

        Without `use_cache` nothing held is used, but what is made stays for the group.
        """
        # Arrays take 4 bytes a token where lists take 8 and the numbers themselves.
        tokens = array("i", prompt)
        number = self._best(tokens, group) if use_cache else None
        if number is None:
            free = [n for n, slot in enumerate(self._slots) if slot.is_free]
            number = min(free, key=lambda n: self._slots[n].last_used)
        slot = self._slots[number]
        may_reuse = use_cache and slot.group == group
        self._clock += 1
        self._slots[number] = _Slot(group, tokens, self._clock, is_free=False)
        return Placing(slot=number, may_reuse=may_reuse)

    def release(self, number: int, *, was_filled: bool) -> None:
        """Free a slot; it keeps what it holds.

        Args:
            was_filled: the server began with the prompt; otherwise nobody knows whose content the
                slot holds, and nothing of it is used again.
        """
        slot = self._slots[number]
        slot.is_free = True
        if not was_filled:
            slot.group, slot.prompt = None, ()

    def _best(self, prompt: Sequence[int], group: Group) -> int | None:
        shares = {
            number: common_prefix(prompt, slot.prompt)
            for number, slot in enumerate(self._slots)
            if slot.is_free and slot.group == group
        }
        if not shares:
            return None
        best = max(shares, key=lambda n: (shares[n], -self._slots[n].last_used))
        return best if shares[best] > _MIN_SHARE * len(prompt) else None


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many elements two sequences start with in common."""
    low, high = 0, min(len(first), len(second))
    while low < high:  # comparing halves at once is far faster than element by element
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
