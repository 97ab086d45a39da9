"""Adapters of the fake engine: each adds one token, its id in brackets, that marks its answers."""

from __future__ import annotations

from collections.abc import Sequence

from hearth.engines.protocol import Adapter, LoadedAdapter


class FakeAdapters:
    """What is loaded, and the tokens that mark it.

    Args:
        pieces: bytes of every token without adapters; grows with each that is loaded.
        adapters: loaded at once.
    """

    def __init__(self, pieces: list[bytes], adapters: Sequence[Adapter]) -> None:
        self.pieces = pieces
        self._digests: dict[str, str] = {}
        self._marks: dict[str, int] = {}  # of all there ever were: what runs keeps its own
        for each in adapters:
            self.load(each)

    @property
    def loaded(self) -> list[LoadedAdapter]:
        """What requests can ask for."""
        return [LoadedAdapter(name, digest) for name, digest in self._digests.items()]

    def load(self, adapter: Adapter) -> None:
        """Take one, in the place of an earlier one of its name."""
        self._digests[adapter.name] = adapter.digest
        if adapter.name not in self._marks:
            self._marks[adapter.name] = len(self.pieces)
            self.pieces.append(f" [{adapter.name.rpartition('/')[2]}]".encode())

    def unload(self, name: str) -> None:
        """Let go of one, if it is there."""
        self._digests.pop(name, None)

    def mark(self, name: str) -> int | None:
        """The token its answers begin with; None for the model alone."""
        return self._marks.get(name)
