"""Fixed texts that quality is measured on."""

from __future__ import annotations

from benchmarks.processes import ROOT
from hearth.engines.protocol import Message

_QUESTIONS = (
    "What is {}?",
    "Tell a child about {} in three sentences.",
    "List five facts about {}, numbered.",
    "Write a short poem about {}.",
    "Give me a JSON object that describes {}.",
)
_BEGINNINGS = (
    "The history of {} begins",
    "def count_{}(items):\n    ",
    "Q: Who studies {}?\nA:",
    "Dear Sir, I write to you about {}",
    "| year | {} |\n|---|---|\n| 1990 |",
)
_SUBJECTS = ("rivers", "clocks", "bread", "the moon", "trains")


def chats() -> list[list[Message]]:
    """25 chats of one turn."""
    texts = [question.format(subject) for question in _QUESTIONS for subject in _SUBJECTS]
    return [[Message("user", text)] for text in texts]


def beginnings() -> list[str]:
    """25 texts to go on with."""
    return [start.format(subject) for start in _BEGINNINGS for subject in _SUBJECTS]


def long_text() -> str:
    """The guides of this project."""
    guides = sorted((ROOT / "docs" / "guides").glob("*.md"))
    return "\n\n".join(guide.read_text(encoding="utf-8") for guide in guides)
