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
            self._take(each)

    @property
    def loaded(self) -> list[LoadedAdapter]:
        """What requests can ask for."""
        return [LoadedAdapter(name, digest) for name, digest in self._digests.items()]

    async def load_adapter(self, adapter: Adapter) -> None:
        """See `LiveAdapters`; there is nothing to read."""
        self._take(adapter)

    async def unload_adapter(self, name: str) -> None:
        """See `LiveAdapters`."""
        self._digests.pop(name, None)

    def _take(self, adapter: Adapter) -> None:
        self._digests[adapter.name] = adapter.digest
        if adapter.name not in self._marks:
            self._marks[adapter.name] = len(self.pieces)
            self.pieces.append(f" [{adapter.name.rpartition('/')[2]}]".encode())

    def mark(self, name: str) -> int | None:
        """The token its answers begin with; None for the model alone."""
        return self._marks.get(name)
