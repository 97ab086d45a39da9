"""Decision records and changelog fragments have the form that makes them worth reading later."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.source import ROOT
from tests.house.test_docs import make_targets

SECTIONS = ["Context", "Decision", "Consequences", "Alternatives"]
MAX_LINES = 60
MAX_CONTEXT_SENTENCES = 4
FRAGMENT = re.compile(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md")


def sections(text: str) -> dict[str, str]:
    """The text below each `##` heading."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def num_sentences(text: str) -> int:
    """Full stops, marks and question marks that end a sentence."""
    return len(re.findall(r"[.!?](?=\s|$)", text))


def missing_checks(text: str) -> list[str]:
    """What the `Check:` line names that is not there."""
    line = re.search(r"^Check: (.+(?:\n.+)*)", text, re.MULTILINE)
    named = re.findall(r"`([^`]+)`", line.group(1)) if line else []
    if not named:
        return ["no `Check:` line that names a test, a file or a make target"]
    return [name for name in named if not exists(name)]


def exists(name: str) -> bool:
    """Whether `make x`, a path, or `path::test_name` is there."""
    if name.startswith("make "):
        return name.removeprefix("make ") in make_targets()
    path, _, test = name.partition("::")
    return (ROOT / path).exists() and (not test or f"def {test}(" in (ROOT / path).read_text())


def faults(text: str) -> list[str]:
    """What a decision record lacks."""
    body = sections(text)
    if list(body) != SECTIONS:
        return [f"its sections are {list(body)}, not {SECTIONS}"]
    found = missing_checks(text)
    if len(text.splitlines()) > MAX_LINES:
        found.append(f"it is longer than one page of {MAX_LINES} lines")
    if num_sentences(body["Context"]) > MAX_CONTEXT_SENTENCES:
        found.append(f"its context has more than {MAX_CONTEXT_SENTENCES} sentences")
    if num_sentences(body["Decision"]) != 1:
        found.append("its decision is not one sentence")
    return found


def records() -> list[Path]:
    """The decision records in order."""
    return sorted((ROOT / "docs" / "decisions").glob("*.md"))


@pytest.mark.parametrize("path", records(), ids=lambda path: path.stem)
def test_a_decision_is_one_page_with_a_check_that_exists(path: Path) -> None:
    assert faults(path.read_text()) == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [path.name.split("-")[0] for path in records()]

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


GOOD = """# 1. Try

## Context
One. Two.

## Decision
We try.

## Consequences
Some.

## Alternatives
Not to try.

Check: `make test`, `tests/house/test_records.py::exists`
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Check:", "Look:"),
        ("make test", "make nothing"),
        ("::exists", "::nothing"),
        ("test_records", "test_nothing"),
        ("## Alternatives\nNot to try.", ""),
        ("One. Two.", "One. Two. Three. Four. Five."),
        ("We try.", "We try. We do."),
        ("Some.", "Some.\n" * MAX_LINES),
    ],
)
def test_a_bad_decision_record_is_found(old: str, new: str) -> None:
    assert faults(GOOD) == []
    assert len(faults(GOOD.replace(old, new))) == 1


def test_changelog_fragments_are_named_and_written_as_sentences() -> None:
    fragments = sorted((ROOT / "changelog").iterdir())

    assert [path.name for path in fragments if not FRAGMENT.fullmatch(path.name)] == []
    for path in fragments:
        text = path.read_text()
        assert re.fullmatch(r"[A-Z`][^\n]+\.\n(?:[^\n]+\n){0,3}", text), f"{path.name}: {text!r}"
