"""The blocks of a paged cache: who uses each, and what is kept of prompts that were computed.

PagedAttention (Kwon et al., 2023). A block that no sequence uses any more but that holds a known
piece of text is kept until its memory is needed, the least recently used first.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable, Sequence

Chain = Hashable
"Names all text up to the end of a block; at the start, whose cache it is."


class BlockPool:
    """Blocks with reference counts, and an index of full ones by the text up to their end.

    A block's key is the key of the block before it and its own tokens, so equal keys mean equal
    text from the very start of a sequence, of the same cache group and adapter.
    """

    def __init__(self, num_blocks: int, block_tokens: int) -> None:
        self.num_blocks = num_blocks
        self.block_tokens = block_tokens
        self._users = [0] * num_blocks
        self._empty = deque(range(num_blocks))
        self._unused: OrderedDict[int, None] = OrderedDict()
        "Known blocks without users, the least recently used first."
        self._block_by_key: dict[tuple[Chain, bytes], int] = {}
        self._key_by_block: dict[int, tuple[Chain, bytes]] = {}
        self._chain_by_block: dict[int, int] = {}
        self._next_chain = 0

    @property
    def num_free(self) -> int:
        """Blocks that can be taken now."""
        return len(self._empty) + len(self._unused)

    def take(self, count: int) -> list[int] | None:
        """Take so many blocks for one sequence; None, and nothing taken, where there are fewer."""
        if count > self.num_free:
            return None
        taken = []
        for _ in range(count):
            block = self._empty.popleft() if self._empty else self._evicted()
            self._users[block] = 1
            taken.append(block)
        return taken

    def release(self, blocks: Sequence[int]) -> None:
        """Give back a sequence's blocks; the last are forgotten before the first."""
        for block in reversed(blocks):
            self._users[block] -= 1
            assert self._users[block] >= 0, "a block is released once for each time it was taken"
            if self._users[block]:
                continue
            if block in self._key_by_block:
                self._unused[block] = None
            else:
                self._empty.append(block)

    def match(self, root: Chain, texts: Iterable[bytes]) -> tuple[list[int], Chain]:
        """Take the blocks that hold the beginning of a text.

        Args:
            root: whose cache it is.
            texts: the tokens of each full block, as bytes, from the first.

        Returns:
            The blocks found, and the chain of the last.
        """
        found: list[int] = []
        chain = root
        for text in texts:
            block = self._block_by_key.get((chain, text))
            if block is None:
                break
            self._users[block] += 1
            self._unused.pop(block, None)
            found.append(block)
            chain = self._chain_by_block[block]
        return found, chain

    def publish(self, block: int, chain: Chain, text: bytes) -> Chain:
        """Let others find a full block that was computed; return the chain up to its end.

        Where the same text is known already, that block goes on being the one that is found.
        """
        known = self._block_by_key.get((chain, text))
        if known is not None:
            return self._chain_by_block[known]
        self._next_chain += 1
        self._block_by_key[chain, text] = block
        self._key_by_block[block] = (chain, text)
        self._chain_by_block[block] = self._next_chain
        return self._next_chain

    def _evicted(self) -> int:
        block, _ = self._unused.popitem(last=False)
        del self._block_by_key[self._key_by_block.pop(block)]
        del self._chain_by_block[block]
        return block
