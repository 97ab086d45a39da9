"""What the journals of a home leave on disk."""

from __future__ import annotations

from pathlib import Path


def segments(home: Path) -> list[Path]:
    """The segment files of every journal."""
    return sorted(home.glob("journal/*/*.log"))


def left_behind(home: Path) -> list[Path]:
    """Journals not yet in the ledger, and segments kept because they were damaged."""
    return [*home.glob("journal/*"), *home.glob("journal-damaged/*")]
